// SPDX-License-Identifier: Apache-2.0
// What a mistyped name was probably meant to be.
#ifndef OPCOST_SUPPORT_NEAR_MATCHES_H_
#define OPCOST_SUPPORT_NEAR_MATCHES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace opcost {

// The number of single-character insertions, deletions, replacements and swaps
// of neighbours that turn `a` into `b`, upper and lower case taken as equal
// (restricted Damerau-Levenshtein distance). Time is |a| * |b|.
size_t EditDistance(absl::string_view a, absl::string_view b);

// Up to `limit` of `candidates` that `word` may have been meant to be, nearest
// first, ties in the candidates' order: those that differ in at most a third of
// the word's characters, and those that begin with it. Words and candidates of
// more than 128 characters have no near matches.
std::vector<std::string> NearMatches(absl::string_view word,
                                     absl::Span<const std::string> candidates,
                                     size_t limit = 3);

// "; did you mean 'conv1' or 'conv2'?", to be put after a message; empty if
// nothing is near.
std::string DidYouMean(absl::string_view word,
                       absl::Span<const std::string> candidates);

}  // namespace opcost

#endif  // OPCOST_SUPPORT_NEAR_MATCHES_H_
