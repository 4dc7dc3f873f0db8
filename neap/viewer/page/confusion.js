// Which class is taken for which, and pictures with what the network says of them.

function confusionSection(report) {
  const {classes = [], counts = []} = report.confusion ?? {};
  if (!counts.length) return null;
  const name = (i) => classes[i] ?? String(i);
  const rows = counts.map((row) => row.reduce((sum, count) => sum + count, 0));
  const columns = counts[0].map((_, j) => counts.reduce((sum, row) => sum + row[j], 0));
  const cell = (count, i, j) => {
    const part = rows[i] ? count / rows[i] : 0;
    return el(
        "td", {
          class: `heat${i === j ? " diagonal" : ""}${part > 0.3 ? " strong" : ""}`,
          style: {"--part": `${100 * Math.sqrt(part)}%`},
          ...tipFor(
              i === j ? `${name(i)}, recognised` : `${name(i)} taken for ${name(j)}`,
              () => [["images", formatCount(count)], ["of this class", formatPercent(part)]])
        },
        count > 0 ? [el("b", {}, formatCount(count)), el("small", {}, formatPercent(part, part < 0.1 ? 1 : 0))] :
                    el("span", {class: "zero"}, "·"));
  };
  return section("confusion", "Which class is taken for which", [
    el("p", {class: "lead"}, worstConfusions(counts, name)),
    el("div", {class: "scroll"},
       el("table", {class: "confusion"},
          el("thead", {},
             el("tr", {}, el("th", {scope: "col", class: "corner"}, "truth ↓", el("br"), "prediction →"),
                columns.map((_, j) => el("th", {scope: "col"}, name(j))), el("th", {scope: "col"}, "found"))),
          el("tbody", {},
             counts.map(
                 (row, i) =>
                     el("tr", {}, el("th", {scope: "row"}, name(i)), row.map((count, j) => cell(count, i, j)),
                        el("td", {class: "sum"}, formatPercent(row[i] / rows[i]))))),
          el("tfoot", {},
             el("tr", {}, el("th", {scope: "row"}, "right when said"),
                columns.map((sum, j) => el("td", {class: "sum"}, sum ? formatPercent(counts[j][j] / sum) : "–")), el("td")))))
  ]);
}

function worstConfusions(counts, name) {
  const pairs = counts.flatMap((row, i) => row.map((count, j) => ({count, i, j}))).filter(({i, j, count}) => i !== j && count > 0);
  const worst = pairs.sort((a, b) => b.count - a.count).slice(0, 3);
  if (!worst.length) return "Every image of the test set was recognised.";
  return `Most often mistaken: ${worst.map(({i, j, count}) => `${name(i)} for ${name(j)} (${formatCount(count)})`).join(", ")}.`;
}

function samplesSection(report) {
  const samples = report.samples ?? [];
  if (!samples.length) return null;
  const wrong = samples.filter((sample) => sample.prediction !== sample.truth).length;
  const draw = (onlyWrong) => samples.filter((sample) => !onlyWrong || sample.prediction !== sample.truth).map(sampleCard);
  const grid = el("ul", {class: "samples"}, draw(false));
  return section("samples", "Pictures and predictions", [
    el("p", {class: "lead"}, `${samples.length} images of the test set; the network is wrong on ${wrong} of these.`),
    wrong > 0 &&
        el("div", {class: "tools"},
           choice(
               "Which pictures", [["all", "All"], ["wrong", "Only wrong ones"]], "all",
               (which) => grid.replaceChildren(...draw(which === "wrong")))),
    grid
  ]);
}

function sampleCard(sample) {
  const right = sample.prediction === sample.truth;
  const whole = /^[A-Za-z0-9+/]+={0,2}$/.test(sample.png_base64 ?? "");
  return el(
      "li", {class: right ? "" : "wrong"},
      whole ? el("img", {src: `data:image/png;base64,${sample.png_base64}`, alt: `image of ${sample.truth}`, width: 84, height: 84}) :
              el("span", {class: "muted"}, "no picture"),
      el("b", {}, right ? "" : "✗ ", sample.prediction),
      isNumber(sample.probability) &&
          el("span", {class: "meter", title: formatPercent(sample.probability), style: {"--part": `${100 * sample.probability}%`}}),
      el("small", {}, right ? formatPercent(sample.probability, 0) : `${formatPercent(sample.probability, 0)}; is ${sample.truth}`));
}
