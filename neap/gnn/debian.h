// Debian's packages as a graph: a vertex for each package, an edge from a package to each that it names, of the type of the field; the task
// is to find a package's section. Real attributes, hubs, missing values and text, on every Debian machine, without a download.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "neap/gnn/graph_data.h"

namespace neap::gnn {

struct DebianOptions {
  std::uint64_t seed = 0;                   // of the split
  double training = 0.5, validation = 0.2;  // the rest is for the test
  int least_words = 20,
      least_others = 2;  // training packages that must have a word (or a part of a name), or a tag, for it to be a feature
};

// From the text of Packages files, or of `apt-cache dumpavail`. Of several stanzas with one name the first counts.
// Edges: Depends, Pre-Depends, Recommends, Suggests, Enhances, Breaks, Conflicts, Replaces, Provides, Built-Using. A name that is no
// package stands for all that provide it; a name that nobody has gives no edge. Each edge once, with the features "alternative" (position
// among those of which one is needed), "version" (VersionRelation, control.h) and "virtual" (whether through Provides), all u8. Features,
// sparse, in the groups "labels" (architecture, priority, flags), "numbers" (bins of sizes, presence of other fields), "tags" (debtags),
// "words" (of the synopsis), "names" (parts of the name), "maintainers": what they are is read off the training packages alone.
// Labels: sections without their area. Error naming file and line on what is no control file, and on a file without a package.
GraphData debian_packages(std::string_view text, const std::string& place, const DebianOptions& options = {});

// From a Packages file, plain or gzip, or (empty) this machine's lists; `about` names the source and the day.
GraphData read_debian_packages(const std::filesystem::path& from, const DebianOptions& options = {});

// What the package lists of this machine hold: `apt-cache dumpavail`, without packages that are installed but in no list. Error saying how
// to get the lists where there is no apt, or no list.
std::string available_packages();

}  // namespace neap::gnn
