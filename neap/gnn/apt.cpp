// The package lists of this machine, through apt-cache.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "neap/base/file.h"
#include "neap/files/gzip.h"
#include "neap/gnn/debian.h"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace neap::gnn {
namespace {

constexpr const char* program = "/usr/bin/apt-cache";
constexpr const char* without_lists = "install Debian's lists with `apt-get update` (as root), or give a Packages file with --from FILE";

// What the program writes, without a shell.
std::string output_of(const TemporaryFolder& folder) {
  const std::string path = (folder.path() / "packages").string();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  std::array<char*, 3> arguments = {const_cast<char*>(program), const_cast<char*>("dumpavail"), nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, program, &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw Error(fmt::format("apt-cache does not start: {}", std::strerror(failed)), program, without_lists);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw Error(fmt::format("apt-cache cannot be waited for: {}", std::strerror(errno)), program);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw Error("apt-cache dumpavail fails", program, without_lists);
  return read_file(path);
}

}  // namespace

std::string available_packages() {
  if (::access(program, X_OK) != 0)
    throw Error("this machine has no apt, so no lists of Debian's packages", program, "give a Packages file with --from FILE");
  const TemporaryFolder folder;
  const std::string all = output_of(folder);
  std::string listed;  // a package of the archive says under what name it is there
  for (std::string_view rest = all; !rest.empty();) {
    const std::size_t end = std::min(rest.find("\n\n"), rest.size());
    const std::string_view stanza = rest.substr(0, end);
    if (stanza.find("\nFilename:") != stanza.npos) listed.append(stanza).append("\n\n");
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  if (listed.empty()) throw Error("the lists of packages have not been fetched", program, without_lists);
  return listed;
}

GraphData read_debian_packages(const std::filesystem::path& from, const DebianOptions& options) {
  const std::string place = from.empty() ? "apt-cache dumpavail" : from.string();
  GraphData data = debian_packages(from.empty() ? available_packages() : read_expanded(from), place, options);
  name_source(data, place);
  return data;
}

}  // namespace neap::gnn
