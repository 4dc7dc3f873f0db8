// The operators that stand between their operands in the text of a map, and how tightly each binds: what is printed parses back.
#pragma once

#include <array>
#include <string_view>

#include "neap/ir/expr.h"

namespace neap {

struct Infix {
  std::string_view text;
  int precedence;
  Scalar op;
};

inline constexpr std::array<Infix, 12> infixes = {{{"||", 1, Scalar::logical_or},
                                                   {"&&", 2, Scalar::logical_and},
                                                   {"==", 3, Scalar::equal},
                                                   {"!=", 3, Scalar::not_equal},
                                                   {"<=", 3, Scalar::less_equal},
                                                   {"<", 3, Scalar::less},
                                                   {">=", 3, Scalar::greater_equal},
                                                   {">", 3, Scalar::greater},
                                                   {"+", 4, Scalar::add},
                                                   {"-", 4, Scalar::sub},
                                                   {"*", 5, Scalar::mul},
                                                   {"/", 5, Scalar::div}}};

inline constexpr int comparison = 3;  // the precedence of those that do not chain
inline constexpr int tightest = 6;    // of what needs no brackets anywhere

}  // namespace neap
