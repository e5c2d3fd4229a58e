// SPDX-License-Identifier: Apache-2.0
// Names come from files and may hold any bytes; documents are UTF-8.
#ifndef OPCOST_SRC_REPORT_UTF8_H_
#define OPCOST_SRC_REPORT_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace opcost {

// Length in bytes of the code point that `text` starts with; 0 if its first
// bytes aren't UTF-8 (overlong forms and surrogates included). `text` must not
// be empty.
size_t LeadingCodePoint(absl::string_view text);

// `text` with every byte that isn't part of UTF-8 replaced by U+FFFD.
std::string ValidUtf8(absl::string_view text);

// The same for one line of a terminal or of a table: control characters, which
// could break the line or drive the terminal, become U+FFFD too.
std::string OneLine(absl::string_view text);

// Whether OneLine() leaves `text` as it is because all of it is ASCII.
bool IsPrintableAscii(absl::string_view text);

// Number of code points of valid UTF-8: what we take as its width in columns.
int CodePoints(absl::string_view text);

// `text`, valid UTF-8, in at most `width` columns: its middle becomes "…".
std::string Elide(absl::string_view text, int width);

// The first `width` code points of `text`, valid UTF-8.
absl::string_view FirstCodePoints(absl::string_view text, int width);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_UTF8_H_
