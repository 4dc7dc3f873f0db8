// Formats of a module's values: found by name while the module computes or is traced.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "neap/sparse/plan.h"
#include "neap/tensor/record_edit.h"

namespace neap::sparse {

class FormatEdit : public RecordEdit {
 public:
  // `parameters`: names of those that a gradient rule may name; `composed`: of those whose parts are trained in their place.
  FormatEdit(std::vector<FormatRule> outputs, std::vector<FormatRule> gradients, std::uint64_t seed,
             const std::vector<std::string>& parameters, std::set<std::string> composed);

  Tensor result(const std::string& name, const Tensor& value) override;
  Tensor gradient(const std::string& parameter, const Tensor& value) override;
  void begin() override { made_ = {}; }
  void finish() const override;

 private:
  std::vector<FormatRule> outputs_, gradients_;
  std::uint64_t seed_;
  std::set<std::string> composed_;
  std::vector<bool> outputs_seen_, gradients_seen_;
  struct Made {
    Tensor value;
    const FormatRule *output = nullptr, *gradient = nullptr;
  };
  Made made_;          // the last, so that a layer's result, which is that of its last operator, is not formatted twice by one rule
  std::string known_;  // some names that were seen
};

// The same for a graph: writes it anew with what the rules say. What is drawn at random is the same in each run of it.
class GraphFormats {
 public:
  GraphFormats(Builder& build, const SparsityPlan& plan);
  Var parameter(const std::string& name, const Var& value);  // with its gradient in the format of its rule
  // The graph's nodes and outputs, its inputs bound to `inputs`. Error where a rule fits nothing.
  void append(const Graph& graph, const std::vector<Var>& inputs);

 private:
  struct Done {
    const FormatRule *output = nullptr, *gradient = nullptr;
  };
  Var changed(const std::string& name, Var value, Done& done);
  FormatInputs inputs_of(const std::string& name, const FormatRule& rule);
  Var with_gradient(const std::string& name, const Var& value, const FormatRule& rule);

  Builder& build_;
  const SparsityPlan& plan_;
  std::vector<bool> outputs_seen_, gradients_seen_;
};

// What both share. The value in its rule's format; Error naming both.
Var formatted_by(const FormatRule& rule, const std::string& name, Builder& build, const Var& value, const FormatInputs& inputs);
// Error naming value and rule where the gradient of a value of this type cannot have the format: before it is asked for.
void check_gradient_format(const FormatRule& rule, const std::string& name, const Type& type);
// The first rule that fits a name, null where none does; `seen`: all that fit.
const FormatRule* rule_for(const std::vector<FormatRule>& rules, const std::string& name, std::vector<bool>& seen);
void check_all_seen(const std::vector<FormatRule>& rules, const std::vector<bool>& seen, const std::string& known);
Attributes cotangent_attributes(const std::string& name, const FormatRule& rule);
std::int64_t stream_of(const std::string& name);  // of random choices for this value

}  // namespace neap::sparse
