// The order of the page. A section whose part of the document is missing is absent; one that fails says so and leaves the others whole.

const sectionMakers = [
  summarySection, seriesSection, graphsSection, editsSection, nodesSection, rooflineSection, arenaSection, curvesSection, confusionSection,
  samplesSection, dataSection, machineSection
];

function section(id, title, children, kind = "") {
  return el("section", {id, class: kind, "aria-labelledby": `${id}-title`}, el("h2", {id: `${id}-title`}, title), children);
}

function makeSection(make, report) {
  try {
    return make(report);
  } catch (error) {
    const name = make.name.replace("Section", "");
    return section(name, name, el("p", {class: "notice"}, `This part of the report could not be drawn: ${error.message}`));
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const start = performance.now();
  const report = JSON.parse(document.getElementById("report").textContent);
  const content = document.getElementById("content");
  const sections = sectionMakers.map((make) => makeSection(make, report)).filter(Boolean);
  content.append(...sections);
  document.getElementById("contents").append(el("strong", {}, "Neap"),
    ...sections.map((one) => el("a", {href: `#${one.id}`}, one.id === "summary" ? "Summary" : one.querySelector("h2").textContent)));
  requestAnimationFrame(() => requestAnimationFrame(() => { document.body.dataset.drawnMs = Math.round(performance.now() - start); }));
});
