// A few packages as Debian's lists have them, with what is awkward in the real ones.
#pragma once
#include <string_view>

namespace neap::gnn {

constexpr std::string_view some_packages = R"(Package: editor
Version: 1:2.0-3
Installed-Size: 2000
Maintainer: A Person <a@example.org>
Architecture: amd64
Depends: libc (>= 2.34), libtext1 | libtext2 (= 3), mail-agent, missing-name
Pre-Depends: libc
Recommends: docs:any [amd64] <!nocheck>,
 plugin
Description: small editor for text
 It edits text.
 .
 Section: this line is text
Tag: role::program, use::editing,
 interface::text
Section: editors
Priority: optional
Filename: pool/e.deb
Size: 700

Package: libc
Version: 2.36
Installed-Size: 13000
Maintainer: C People <c@example.org>
Architecture: amd64
Multi-Arch: same
Essential: yes
Description: C library
Breaks: libtext1 (<< 1.0), libc (<< 2)
Tag: role::shared-lib
Section: libs
Priority: required
Homepage: https://example.org
Size: 3000

Package: libtext1
Architecture: all
Depends: libc (>= 2.0), libc (<= 9)
Section: contrib/libs
Priority: optional
Description: text library
Size: 50
# a comment

Package: mailer
Provides: mail-agent, libtext2 (= 3)
Depends: libtext1
SECTION: mail
Description: mails text

Package: postman
Provides: mail-agent (= 1), mail-agent (= 2)
Conflicts: mail-agent
Description: posts

)";

}  // namespace neap::gnn
