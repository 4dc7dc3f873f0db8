#include "neap/nn/module.h"

#include <algorithm>
#include <cctype>

#include "neap/base/error.h"
#include "neap/base/suggestion.h"

namespace neap {
namespace {

std::string joined(const std::string& path, const std::string& name, char separator) {
  return path.empty() ? name : path + separator + name;
}

void check_name(const std::string& name, const std::string& place) {
  const bool plain =
      !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  if (!plain) throw Error(fmt::format("'{}' cannot be the name of a part of a network", name), place, "use letters, digits and '_'");
}

// Of a parameter: such names with '.' between them, as those that another program gave to the parameters of a graph.
void check_dotted_name(const std::string& name, const std::string& place) {
  for (std::size_t at = 0; at != std::string::npos;) {
    const std::size_t dot = name.find('.', at);
    check_name(name.substr(at, dot - at), place);
    at = dot == std::string::npos ? dot : dot + 1;
  }
}

// Whether a part's parameters may have the name of this one.
bool is_within(const std::string& parameter, const std::string& part) { return parameter.starts_with(part + '.'); }

}  // namespace

Parameter::Parameter(Module& owner, std::string name, Type type, Initializer initializer, Role role)
    : owner_(&owner), name_(std::move(name)), type_(std::move(type)), initializer_(std::move(initializer)), role_(role) {}

std::string Parameter::name() const {
  std::string path = owner_->path();
  std::replace(path.begin(), path.end(), '/', '.');
  return joined(path, name_, '.');
}

const Tensor& Parameter::value() const {
  if (make_) {
    std::vector<Tensor> parts;
    for (const auto& part : parts_) parts.push_back(part->value());
    const Scope scope(owner_->path());
    const Unedited unedited;
    value_ = make_(parts);
    return value_;
  }
  if (!value_) value_ = initial_value(type_, initializer_, Draws(0, name()));
  return value_;
}

void Parameter::set(Tensor value) {
  if (make_) throw Error(name() + " is composed of parts", "", "set these");
  if (!(value.type() == type_)) {
    throw Error(fmt::format("{} cannot be the value of {}, which is {}", value.type().to_string(), name(), type_.to_string()));
  }
  value_ = std::move(value);
}

void Parameter::compose(const std::vector<Part>& parts, std::function<Tensor(const std::vector<Tensor>& parts)> make,
                        std::function<void(const std::vector<Array>& parts)> check) {
  std::vector<std::unique_ptr<Parameter>> made;
  std::vector<Tensor> values;
  for (const Part& part : parts) {
    check_name(part.name, name());
    const Array value = part.value;
    made.push_back(std::make_unique<Parameter>(
        *owner_, name_ + "." + part.name, type_of(value), [value](const Draws&, std::int64_t i) { return value.get(i); }, part.role));
    values.push_back(made.back()->value());
  }
  if (const Type type = make(values).type(); !(type == type_))
    throw Error(fmt::format("the parts make {}, the parameter is {}", type.to_string(), type_.to_string()), name());
  parts_ = std::move(made);
  make_ = std::move(make);
  check_ = std::move(check);
}

void Parameter::check() const {
  if (!check_) return;
  std::vector<Array> parts;
  for (const auto& part : parts_) parts.push_back(part->value().array());
  try {
    check_(parts);
  } catch (const Error& error) {
    throw Error(error.problem(), fmt::format("parameter '{}', {}", name(), error.place()), error.remedy());
  }
}

void Parameter::collect(Role role, std::vector<Parameter*>& found) {
  for (const auto& part : parts_) part->collect(role, found);
  if (!composed() && role_ == role) found.push_back(this);
}

void Parameter::initialize(std::uint64_t seed) { value_ = initial_value(type_, initializer_, Draws(seed, name())); }

std::string Module::path() const { return parent_ == nullptr ? name_ : joined(parent_->path(), name_, '/'); }

void Module::collect(Role role, std::vector<Parameter*>& found) const {
  for (const auto& own : own_) own->collect(role, found);
  for (const auto& part : parts_) part->collect(role, found);
}

std::vector<Parameter*> Module::declared(Role role) const {
  std::vector<Parameter*> found;
  for (const auto& own : own_) {
    if (own->role() == role) found.push_back(own.get());
  }
  for (const auto& part : parts_) {
    const std::vector<Parameter*> theirs = part->declared(role);
    found.insert(found.end(), theirs.begin(), theirs.end());
  }
  return found;
}

std::vector<Parameter*> Module::parameters() const {
  std::vector<Parameter*> found;
  collect(Role::parameter, found);
  return found;
}

std::vector<Parameter*> Module::buffers() const {
  std::vector<Parameter*> found;
  collect(Role::state, found);
  return found;
}

Parameter& Module::find(std::string_view name) const {
  std::vector<std::string> known;
  for (const Role role : {Role::parameter, Role::state}) {
    std::vector<Parameter*> all;
    collect(role, all);
    for (Parameter* parameter : all) {
      if (parameter->name() == name) return *parameter;
      known.push_back(parameter->name());
    }
  }
  throw Error(fmt::format("there is no parameter '{}'", name), "", suggestion(name, known));
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const Parameter* parameter : parameters()) count += element_count(parameter->type().shape).constant();
  return count;
}

void Module::train(bool on) {
  training_ = on;
  for (const auto& part : parts_) part->train(on);
}

void Module::initialize(std::uint64_t seed) {
  for (Parameter* parameter : parameters()) parameter->initialize(seed);
  for (Parameter* buffer : buffers()) buffer->initialize(seed);
}

Module& Module::adopt(std::string name, std::unique_ptr<Module> part) {
  check_name(name, path());
  const bool taken = std::any_of(parts_.begin(), parts_.end(), [&](const auto& other) { return other->name_ == name; }) ||
                     std::any_of(own_.begin(), own_.end(), [&](const auto& own) { return is_within(own->name_, name); });
  if (taken) throw Error(fmt::format("there are two parts '{}'", name), path(), "give each a name of its own");
  part->parent_ = this;
  part->name_ = std::move(name);
  part->train(training_);
  parts_.push_back(std::move(part));
  return *parts_.back();
}

Parameter& Module::declare(std::string name, Type type, Initializer initializer, Role role) {
  check_dotted_name(name, path());
  const bool taken = std::any_of(own_.begin(), own_.end(), [&](const auto& other) { return other->name_ == name; }) ||
                     std::any_of(parts_.begin(), parts_.end(), [&](const auto& part) { return is_within(name, part->name_); });
  if (taken) throw Error(fmt::format("there are two parameters '{}'", name), path(), "give each a name of its own");
  own_.push_back(std::make_unique<Parameter>(*this, std::move(name), std::move(type), std::move(initializer), role));
  return *own_.back();
}

Parameter& Module::parameter(std::string name, Type type, Initializer initializer) {
  return declare(std::move(name), std::move(type), std::move(initializer), Role::parameter);
}
Parameter& Module::buffer(std::string name, Type type, Initializer initializer) {
  return declare(std::move(name), std::move(type), std::move(initializer), Role::state);
}

void Module::set_edit(std::shared_ptr<RecordEdit> edit) {
  if (parent_ != nullptr) throw Error("a part of a network cannot be edited alone", path(), "edit the whole network");
  edit_ = std::move(edit);
}

const std::shared_ptr<RecordEdit>& Module::edit() const { return parent_ == nullptr ? edit_ : parent_->edit(); }

Tensor Layer::operator()(const Tensor& x) {
  const Editing editing(edit());
  const std::string name = path();
  const Scope scope(name);
  Tensor y = Editing::changed(name, forward(x));
  editing.finish();
  return y;
}

TracedModule::TracedModule(Module& module) : editing_(module.edit()) {
  for (const auto& all : {module.parameters(), module.buffers()}) {
    for (Parameter* parameter : all) {
      entries_.push_back({parameter, Tensor::placeholder(parameter->type(), parameter->name()), parameter->value()});
      parameter->set(entries_.back().placeholder);
    }
  }
}

TracedModule::~TracedModule() {
  for (const Entry& entry : entries_) entry.parameter->set(entry.before);
}

ValueAndGradients value_and_gradients(Module& module, const std::function<Tensor()>& f) {
  const std::vector<Parameter*> parameters = module.parameters(), buffers = module.buffers();
  Tensors values, before;
  std::vector<int> all;
  for (const Parameter* parameter : parameters) {
    all.push_back(static_cast<int>(values.size()));
    values.push_back(parameter->value());
  }
  for (const Parameter* buffer : buffers) before.push_back(buffer->value());
  const auto restore = [&](const std::vector<Parameter*>& which, const Tensors& to) {
    for (std::size_t i = 0; i < which.size(); ++i) which[i]->set(to[i]);
  };
  const Function run = [&](const Tensors& placeholders) {
    Tensors results;
    restore(parameters, placeholders);
    try {
      results.push_back(f());
      for (const Parameter* buffer : buffers) results.push_back(buffer->value());
    } catch (...) {
      restore(parameters, values);
      restore(buffers, before);
      throw;
    }
    restore(parameters, values);
    restore(buffers, before);
    return results;
  };
  ValueAndGradients made = neap::value_and_gradients(run, all)(values);
  restore(buffers, made.further);
  made.further.clear();
  const auto& edit = module.edit();
  for (std::size_t i = 0; edit != nullptr && i < parameters.size(); ++i)
    made.gradients[i] = edit->gradient(parameters[i]->name(), made.gradients[i]);
  return made;
}

}  // namespace neap
