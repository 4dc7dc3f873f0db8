// Which registers of a plan may share memory: those that do not live at the same time.
#include <algorithm>
#include <unordered_set>

#include "neap/runtime/blocked_plan.h"

namespace neap::blocks {
namespace {

class Lives {
 public:
  explicit Lives(Plan& plan) : plan_(plan), first_(plan.registers.size(), never), last_(plan.registers.size(), never) {}

  void assign() {
    for (const Program& program : plan_.programs) walk(program);
    plan_.place.assign(plan_.registers.size(), -1);
    for (const Constant& constant : plan_.constants) plan_.place[static_cast<std::size_t>(constant.out)] = new_place(constant.kind);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < first_.size(); ++i) {
      if (first_[i] != never && plan_.place[i] < 0) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return first_[a] < first_[b]; });
    std::vector<std::size_t> living;
    for (const std::size_t id : order) {
      std::erase_if(living, [&](std::size_t other) {
        const bool over = last_[other] < first_[id];
        if (over) free_[static_cast<int>(plan_.registers[other])].push_back(plan_.place[other]);
        return over;
      });
      auto& free = free_[static_cast<int>(plan_.registers[id])];
      if (free.empty()) free.push_back(new_place(plan_.registers[id]));
      plan_.place[id] = free.back();
      free.pop_back();
      living.push_back(id);
    }
  }

 private:
  static constexpr int never = -1;

  int new_place(Kind kind) {
    plan_.places.push_back(kind);
    return static_cast<int>(plan_.places.size()) - 1;
  }

  void make(int id) {
    if (id < 0) return;
    int& first = first_[static_cast<std::size_t>(id)];
    if (first == never) first = now_;
    use(id);
  }
  void use(int id) {
    if (id < 0) return;
    last_[static_cast<std::size_t>(id)] = now_;
    for (auto& loop : loops_) loop.insert(id);
  }

  void walk(const Program& program) {
    for (const Step& step : program.steps) {
      ++now_;
      std::visit([&](const auto& each) { note(each); }, step);
    }
    ++now_;
    for (const InPlace& result : program.in_place) use(result.value);
  }

  void note(const ComputeStep& step) {
    for (const int id : {step.a, step.b, step.c}) use(id);
    make(step.out);
  }
  void note(const LoadStep& step) {
    if (!step.in_place) make(step.out);
  }
  void note(const PositionStep& step) { make(step.out); }
  void note(const GatherStep& step) {
    for (const Index& index : step.index) use(index.position);
    for (const int id : {step.outside, step.mask}) use(id);
    for (const int id : {step.offset, step.ok, step.out}) make(id);
  }
  void note(const WindowStep& step) {
    use(step.outside);
    make(step.out);
  }
  void note(const StoreStep& step) { use(step.value); }
  void note(const ScatterStep& step) {
    for (const Index& index : step.index) use(index.position);
    use(step.value);
    for (const int id : {step.offset, step.ok}) make(id);
  }
  void note(const ReduceStep& step) {
    for (const int id : {step.out, step.part, step.best}) make(id);
    for (const int id : {step.begin, step.end, step.mask}) use(id);
    const int start = now_;
    loops_.emplace_back();
    walk(*step.body);
    use(step.value);
    for (const int id : {step.out, step.part, step.best, step.begin, step.end, step.mask}) use(id);
    const std::unordered_set<int> used = std::move(loops_.back());
    loops_.pop_back();
    // The body runs again and again: what was made before it lives to its end.
    for (const int id : used) {
      const auto at = static_cast<std::size_t>(id);
      if (first_[at] <= start) last_[at] = now_;
    }
  }

  Plan& plan_;
  std::vector<int> first_, last_;
  std::vector<std::unordered_set<int>> loops_;
  std::vector<int> free_[kinds];
  int now_ = 0;
};

}  // namespace

void assign_places(Plan& plan) { Lives(plan).assign(); }

}  // namespace neap::blocks
