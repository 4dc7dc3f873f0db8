// Reads what map_text.h writes.
//   body       axes "{" { "local" "$"k ":" dtype "[" sizes "]" ";" } stage { ";" stage } "}"
//   axes       { name ":" size [ "in" expr "to" expr ] }
//   stage      [ "for" axes ] target "[" exprs "]" ( "=" | "+=" | "max=" | "min=" ) expr
//   expr       infix || && == != < <= > >= + - * / over: number [":" dtype], "true", axis, "{" size "}", "-" expr, "(" expr ")",
//              operand "[" exprs [ "else" expr ] "]" (operand: a name, "@"position or "$"local), operation "(" exprs ")",
//              dtype "(" expr ")" for a cast, reduction "(" axes "," expr ")", and "#"k "=(" expr ")" with "#"k for it later on
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "neap/ir/cursor.h"
#include "neap/ir/graph.h"

namespace neap {

struct NamedOperand {
  std::string name;  // as in the text; "" if it can be read by its position only
  DType dtype = DType::f32;
  bool absent = false;
};

class MapParser {
 public:
  MapParser(Cursor& cursor, const std::vector<NamedOperand>& operands, const std::vector<std::string>& targets);

  Map body();
  Schedule schedule();  // behind the word "schedule"; of the map that was read

 private:
  struct Part {
    Expr expr;
    int depth = 1;          // of the tree
    std::int64_t size = 1;  // nodes, shared ones counted each time; saturates
  };
  std::vector<Axis> axes();
  Axis axis();
  void define(Axis& axis);
  Stage stage();
  int target();
  Part infix(int precedence);
  Part prefix();
  Part constant();
  Part read(std::int64_t operand, DType dtype);
  Part operand_by_position();
  Part shared();
  Part word();
  Part reduction(Reduction kind);
  Part operation(Scalar op);
  std::vector<Part> arguments();
  Part made(Expr::Node node, const std::vector<Part>& args);
  Expr whole();
  int axis_id();

  Cursor& cursor_;
  const std::vector<NamedOperand>& operands_;
  const std::vector<std::string>& targets_;
  std::unordered_map<std::string, std::int64_t> positions_;  // of operands, by name
  std::vector<Local> locals_;
  std::unordered_map<std::string, Axis> axes_;
  std::unordered_map<int, Part> shared_;
  int nesting_ = 0;
};

Type parse_type(Cursor& cursor);  // with the layout's tag, if one follows on the line
DType parse_dtype_word(Cursor& cursor);

}  // namespace neap
