// Changes to what functions compute, made where results are recorded: formats of a network's values are given so, from outside of it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "neap/tensor/tensor.h"

namespace neap {

class RecordEdit {
 public:
  virtual ~RecordEdit() = default;
  // What takes the place of a result. `name`: "block3/depthwise: conv" of a call in that scope, further results of it "NAME[1]", ...; or
  // a layer's path, of what the layer gives. The value itself: nothing changes.
  virtual Tensor result(const std::string& name, const Tensor& value) = 0;
  // What takes the place of a parameter's gradient; likewise.
  virtual Tensor gradient(const std::string& parameter, const Tensor& value) = 0;
  virtual void begin() = 0;         // a network starts to compute, or to be traced
  virtual void finish() const = 0;  // and has ended: Error for what was named and never seen
};

// An edit is in force in this thread while it lives. Within another one of the same edit it does nothing.
class Editing {
 public:
  explicit Editing(std::shared_ptr<RecordEdit> edit);  // null: none
  ~Editing();
  Editing(const Editing&) = delete;
  Editing& operator=(const Editing&) = delete;
  void finish() const;

  // What the edit in force makes of these results.
  static Tensor changed(const std::string& name, Tensor value);
  static std::vector<Tensor> changed(const std::string& name, std::vector<Tensor> values);

 private:
  std::shared_ptr<RecordEdit> edit_, before_;
};

// No edit is in force while it lives.
class Unedited {
 public:
  Unedited();
  ~Unedited();
  Unedited(const Unedited&) = delete;
  Unedited& operator=(const Unedited&) = delete;

 private:
  std::shared_ptr<RecordEdit> before_;
};

}  // namespace neap
