// The places of what a mask keeps, found as the layout packs matrices outside of graphs: in a pass or two over the mask, where the
// definition sorts its elements. A mask that keeps another number of them than the call says is left to the definition.
#include <cstring>

#include "neap/layouts/packing.h"
#include "neap/runtime/at_once.h"
#include "neap/runtime/library.h"

namespace neap::packed_places_implementation {
namespace {

class PlacesCall final : public LibraryCall {
 public:
  PlacesCall(const SparseLayout& layout, const Call& call)
      : sizes_(evaluate(call.dims("size"), {})), count_(call.integer("count")), choice_(choice_of(layout, call)) {
    Builder build(definition_);
    int number = 0;
    for (const Var& place : layout.places(build, build.input("keep", call.input(0)), call))
      definition_.add_output(place.id(), fmt::format("{}", number++));
  }

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    const Array keep = Array::wrap(DType::boolean, sizes_, const_cast<void*>(inputs[0]), nullptr);
    std::vector<Array> places;
    if (Packer(keep, keep).row_offsets().values<std::int64_t>().back() == count_) {
      places = choice_.layout->pack(keep, keep, choice_.parameters);
      places.erase(places.begin());  // the values
    } else {
      places = run_at_once(definition_, {keep});
    }
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i] != nullptr) std::memcpy(outputs[i], places[i].raw(), static_cast<std::size_t>(places[i].bytes()));
  }

 private:
  Sizes sizes_;
  std::int64_t count_;
  LayoutChoice choice_;
  Graph definition_;
};

Implementation places(const std::string& layout) {
  using Types = std::vector<Type>;
  return {.name = "native",
          .op = layout + "_places",
          .refuses = [](const Call&, const Types& inputs, const Types&) -> std::string {
            return inputs[0].layout.row_major() ? "" : "takes row-major masks only";
          },
          .prepare = [layout](const Call& call, const Types&, const Types&, const Symbols&) -> std::unique_ptr<LibraryCall> {
            return std::make_unique<PlacesCall>(find_layout(layout), call);
          }};
}

const RegisterImplementation csr{places("csr")}, csc{places("csc")}, coo{places("coo")}, ell{places("ell")};
const RegisterImplementation blocks{places("blocks")}, nm{places("nm")}, nmg{places("nmg")};

}  // namespace
}  // namespace neap::packed_places_implementation
