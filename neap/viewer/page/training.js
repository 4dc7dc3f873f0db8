// How training went: loss by step and by epoch, accuracy, learning rate, time.

function curvesSection(report) {
  const steps = (report.curves?.steps ?? []).filter(([, loss]) => isNumber(loss)), epochs = report.curves?.epochs ?? [];
  if (steps.length < 2 && epochs.length < 2) return null;
  const figure = (title, key, draw) => el("figure", {}, el("figcaption", {}, title, key), drawToWidth(el("div", {class: "host"}), draw));
  const byEpoch = (field) => epochs.map((epoch, i) => [epoch.epoch ?? i + 1, epoch[field]]).filter(([, value]) => isNumber(value));
  const small = [
    ["Test accuracy", "test_accuracy", formatPercent, "optimised", "accuracy"],
    ["Validation accuracy", "validation_accuracy", formatPercent, "optimised", "accuracy"],
    ["Training loss", "train_loss", formatPlain, "written", "loss"], ["Test loss", "test_loss", formatPlain, "optimised", "loss"],
    ["Validation loss", "validation_loss", formatPlain, "optimised", "loss"],
    ["Learning rate", "lr", formatPlain, "level3", "rate"],
    ["Seconds", "seconds", formatPlain, "level4", "s"]
  ];
  return section("training", "Training", [
    steps.length > 1 &&
        figure(
            "Loss, step by step", legend([["each step", "faint"], ["smoothed", "optimised"]]),
            (width) => lineChart({
              width,
              height: 280,
              xLabel: "step",
              yLabel: "loss",
              series: [{name: "smoothed", points: smoothed(steps), class: "optimised"}, {name: "this step", points: steps, class: "faint"}]
                          .reverse()
            })),
    epochs.length > 1 &&
        el("div", {class: "grid"},
           small.map(
               ([title, field, format, kind, unit]) => byEpoch(field).length > 1 &&
                   figure(`${title}, by epoch`, null, (width) => lineChart({
                                                         width,
                                                         height: 210,
                                                         xLabel: "epoch",
                                                         yLabel: unit,
                                                         yFormat: format,
                                                         dots: epochs.length <= 40,
                                                         fromZero: field === "seconds",
                                                         series: [{name: title.toLowerCase(), points: byEpoch(field), class: kind}]
                                                       }))))
  ]);
}

// A centred mean over about a hundredth of the run: no lag, so that the two curves lie on each other.
function smoothed(points) {
  const half = Math.max(1, Math.round(points.length / 200));
  const sums = [0];
  for (const [, loss] of points) sums.push(sums.at(-1) + loss);
  return points.map(([step], i) => {
    const reach = Math.min(half, i, points.length - 1 - i);
    return [step, (sums[i + reach + 1] - sums[i - reach]) / (2 * reach + 1)];
  });
}
