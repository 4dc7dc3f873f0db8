// nn/: networks: modules with named parameters, one file a layer, written with tensors so that they run at once or are traced.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "neap/nn/initialize.h"
#include "neap/tensor/functions.h"
#include "neap/tensor/grad.h"
#include "neap/tensor/record_edit.h"

namespace neap {

class Module;

// A named tensor of a module: trained, or a buffer that steps update (running statistics). Stands for its present value in expressions.
class Parameter {
 public:
  Parameter(Module& owner, std::string name, Type type, Initializer initializer, Role role);

  std::string name() const;  // from the root: "block3.depthwise.weight"
  const Type& type() const { return type_; }
  Role role() const { return role_; }
  const Tensor& value() const;                        // filled by its initializer with seed 0 if it has no value yet
  operator const Tensor&() const { return value(); }  // NOLINT: `x * scale`
  void set(Tensor value);                             // Error unless it is of the parameter's type, or if it is composed
  void initialize(std::uint64_t seed);

  // From now on the parameter is what `make` makes of these parts, which are trained, kept and loaded in its place as "NAME.PART" and start
  // from the values given: a sparse layout's components, a share of a bank of weights. Error where a part's name is no name, or if what is
  // made of them is not of the parameter's type. `check`, if there is one, is given the parts' elements wherever these come from outside,
  // and throws where they do not fit each other.
  struct Part {
    std::string name;
    Array value;
    Role role = Role::parameter;  // or state
  };
  void compose(const std::vector<Part>& parts, std::function<Tensor(const std::vector<Tensor>& parts)> make,
               std::function<void(const std::vector<Array>& parts)> check = nullptr);
  void check() const;  // Error, naming the parameter, where its parts do not fit each other
  bool composed() const { return make_ != nullptr; }

 private:
  friend class Module;
  void collect(Role role, std::vector<Parameter*>& found);
  Module* owner_;
  std::string name_;
  Type type_;
  Initializer initializer_;
  Role role_;
  mutable Tensor value_;
  std::vector<std::unique_ptr<Parameter>> parts_;
  std::function<Tensor(const std::vector<Tensor>& parts)> make_;
  std::function<void(const std::vector<Array>& parts)> check_;
};

// A part of a network: parameters, buffers and further modules, each with a name of its own (letters, digits, '_'; of parameters
// also '.' between these). Parts are members made by `add`, which keeps them:  Linear& hidden = add<Linear>("hidden", 784, 128);
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  std::string path() const;  // from the root: "block3/depthwise"; empty for the root
  // In the order of declaration, each part's before those of later parts; of a composed parameter its parts.
  std::vector<Parameter*> parameters() const;
  std::vector<Parameter*> buffers() const;
  Parameter& find(std::string_view name) const;  // of either kind, by full name; Error with the nearest
  // As they were declared, composed ones too: what a plan for layouts chooses from.
  std::vector<Parameter*> declared(Role role) const;
  std::int64_t parameter_count() const;  // elements

  void train(bool on = true);  // of all parts too; evaluation otherwise. Training is the start
  bool training() const { return training_; }
  // Every parameter's first value, from the seed and its name alone: whatever the order of construction and the number of threads.
  void initialize(std::uint64_t seed);

  // What is done to values and gradients of the whole network whenever it computes or is traced, without a line of it being changed: the
  // root's counts for all parts. Error where a part has a parent. Null: nothing.
  void set_edit(std::shared_ptr<RecordEdit> edit);
  const std::shared_ptr<RecordEdit>& edit() const;

 protected:
  template <class M, class... Arguments>
  M& add(std::string name, Arguments&&... arguments) {
    return static_cast<M&>(adopt(std::move(name), std::make_unique<M>(std::forward<Arguments>(arguments)...)));
  }
  Module& adopt(std::string name, std::unique_ptr<Module> part);
  Parameter& parameter(std::string name, Type type, Initializer initializer);
  Parameter& buffer(std::string name, Type type, Initializer initializer);

 private:
  friend class Parameter;
  Parameter& declare(std::string name, Type type, Initializer initializer, Role role);
  void collect(Role role, std::vector<Parameter*>& found) const;

  Module* parent_ = nullptr;
  std::string name_;
  bool training_ = true;
  std::shared_ptr<RecordEdit> edit_;
  std::vector<std::unique_ptr<Parameter>> own_;
  std::vector<std::unique_ptr<Module>> parts_;
};

// A module of one tensor in, one out. What it records has its path as scope.
class Layer : public Module {
 public:
  Tensor operator()(const Tensor& x);

 protected:
  virtual Tensor forward(const Tensor& x) = 0;
};

// A layer that is a plain function: activation("swish").
class Activation : public Layer {
 public:
  explicit Activation(std::string op) : op_(std::move(op)) {}  // an operator of one operand

 protected:
  Tensor forward(const Tensor& x) override { return call(op_, {x}); }

 private:
  std::string op_;
};

// While it lives, parameters and buffers stand for placeholders of their names, so that a graph can be traced. Then they have their
// values again; what buffers were set to meanwhile is `updates`.
class TracedModule {
 public:
  explicit TracedModule(Module& module);
  ~TracedModule();
  TracedModule(const TracedModule&) = delete;
  TracedModule& operator=(const TracedModule&) = delete;

  struct Entry {
    Parameter* parameter;
    Tensor placeholder, before;
  };
  const std::vector<Entry>& entries() const { return entries_; }  // parameters, then buffers
  void finish() const { editing_.finish(); }                      // Error where the module's edit names what is not there

 private:
  std::vector<Entry> entries_;
  Editing editing_;
};

// What f computes with the module, and its gradient for each of the module's parameters, in their order: for training loops written by
// hand. Buffers that f sets have their new values afterwards.
ValueAndGradients value_and_gradients(Module& module, const std::function<Tensor()>& f);

}  // namespace neap
