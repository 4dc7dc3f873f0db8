// Writes the bodies of maps: axes by name, expressions with as few parentheses as they need, shared parts once.
#pragma once
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "neap/ir/expr_hash.h"
#include "neap/ir/graph.h"

namespace neap {

class MapPrinter {
 public:
  MapPrinter(std::vector<std::string> operands, std::vector<std::string> targets)
      : operands_(std::move(operands)), targets_(std::move(targets)) {}

  std::string axes(const std::vector<Axis>& axes);  // "n:N e:E in offsets[n] to offsets[n + 1]"
  std::string body(const Map& map);                 // "n:N { y[n] = exp(x[n]) }"
  std::string expression(const Expr& root);         // counts what it shares first
  std::string schedule(const Schedule& schedule);   // of the map that was printed; "" for the default
  std::string axis_name(int id) const;

 private:
  void name(const Axis& axis);
  void count(const Expr& root);
  int weight(const Expr& e);
  std::string text(const Expr& e, int around);
  std::string bare(const Expr& e, int around);
  std::string list(const std::vector<Expr>& all, std::size_t size);
  std::string constant(const Expr::Node& node) const;
  std::string operand(std::int64_t id) const;
  std::string stage(const Stage& stage);

  struct Part {
    int uses = 0, weight = 0, number = -1;
  };
  struct HashKey {
    std::size_t operator()(const Hash& hash) const { return hash.low; }
  };
  std::vector<std::string> operands_, targets_;
  std::unordered_map<int, std::string> names_;  // of axes, by id
  std::unordered_set<std::string> taken_;
  ExprHasher hasher_;
  std::unordered_map<Hash, Part, HashKey> parts_;
  int next_part_ = 0;
};

}  // namespace neap
