// The demo's figures and its report.
#pragma once
#include <string>
#include <vector>

#include "neap/data/image_dataset.h"
#include "neap/demo/compare.h"
#include "neap/demo/demo.h"
#include "neap/demo/narration.h"
#include "neap/demo/predictions.h"
#include "neap/train/trainer.h"

namespace neap {

// What the steps of the demo found.
struct DemoFindings {
  double test_accuracy = 0, onnx_test_accuracy = 0, standalone_test_accuracy = 0, epoch_seconds = 0;
  std::int64_t parameters = 0;
  std::vector<Check> checks;
  Array logits;  // of the test images
};

// demo.json.
std::string demo_figures(const DemoOptions& options, const StepComparison& comparison, const DemoFindings& findings);

// report.html. `images`: the test set, of which the first logits.size(0) were used.
std::string demo_report(const DemoOptions& options, const StepComparison& comparison, const DemoFindings& findings,
                        const Optimizer& optimizer, const Trainer& trainer, const ImageDataset& images);

}  // namespace neap
