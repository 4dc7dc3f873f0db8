// viewer/: showing what a network costs and what was done about it, as a page to look at.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace neap {

// One HTML page that opens offline (styles, script and pictures inside, nothing fetched) from a JSON document. Every member of the document
// is optional: a section whose part is missing is absent, a figure that is not a number is not shown. Strings may be hostile: they are only
// ever shown as text. Throws Error if the document is not an object.
//
//   title, command, created     strings; `created` as it is to be read
//   machine                     {cpu, cores, isa, caches: {name: bytes}, memory: bytes, ...anything else}
//   versions                    {name: version}
//   data                        {name, version, about: {key: text}}                  what was trained on
//   summary                     {test_accuracy, onnx_test_accuracy: 0..1; epoch_s; parameters;
//                                step_ms, bytes, arena_bytes: {as_written, optimised}}
//   checks                      [{name, passed: bool, detail}]                       what was compared with what, and held or not
//   series                      [{title, x, y: what the axes are; x_percent, y_percent: bool; lines: [{name, points: [[x, y, note?]...]}]}]
//   graphs                      {before: G, after: G}
//     G                         {nodes: [N...] in an order in which they run, edges: [E...]}
//     N                         {id, name, op, label, shape, text, impl, code: strings (id: string or number); kind: "call", "map" or
//     "library";
//                                from: origins as Node::origin has them ("block3/depthwise: conv2d", " (gradient)" at the end); bytes,
//                                flops, ms; stage: "forward", "backward", "update" or another; without it: backward if an origin is a
//                                gradient's, else forward}
//                               Nodes are boxed by stage and by the first origin up to "/" or ":".
//     E                         {from, to: ids; tensor, shape, layout: strings; bytes}  no `from`: an input; no `to`: an output
//   edits                       [{step, level: 1..4, name, place, note, places: [{place, reason}...], bytes_saved_predicted, bytes_before,
//                               bytes_after}]  in the order taken; before and after are the whole graph's; places of a pass over it
//   refused                     [{level, name, place, reason}]
//   curves                      {steps: [[step, loss]...], epochs: [{epoch, train_loss, test_loss, test_accuracy or
//                               validation_loss, validation_accuracy, lr, seconds}]}
//   confusion                   {classes: [name...], counts: [[count...]...]}         counts[truth][prediction]
//   samples                     [{png_base64, truth, prediction: class names, probability}]
//   roofline                    {peak_flops, copy_bytes_per_second, points: [{name, bytes, flops, seconds, which: "as_written" or
//   "optimised"}]} arena                       [{name, offset, bytes, first, last}]                  a buffer, and the nodes from and to
//   which it lives (inclusive)
std::string render_report(const nlohmann::json& report);

}  // namespace neap
