// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/near_matches.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

constexpr size_t kLongestWord = 128;

}  // namespace

size_t EditDistance(absl::string_view a, absl::string_view b) {
  // Rows i-2, i-1 and i of the usual table of prefixes.
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1),
      row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  const auto equal = [](char x, char y) {
    return absl::ascii_tolower(static_cast<unsigned char>(x)) ==
           absl::ascii_tolower(static_cast<unsigned char>(y));
  };
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (equal(a[i - 1], b[j - 1]) ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && equal(a[i - 1], b[j - 2]) &&
          equal(a[i - 2], b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

std::vector<std::string> NearMatches(absl::string_view word,
                                     absl::Span<const std::string> candidates,
                                     size_t limit) {
  if (word.empty() || word.size() > kLongestWord) return {};
  const size_t allowed = std::max<size_t>(1, word.size() / 3);
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& candidate : candidates) {
    if (candidate.empty() || candidate.size() > kLongestWord) continue;
    const bool begins = absl::StartsWithIgnoreCase(candidate, word);
    const size_t shorter = std::min(word.size(), candidate.size());
    const size_t longer = std::max(word.size(), candidate.size());
    if (!begins && longer - shorter > allowed) continue;
    const size_t distance = EditDistance(word, candidate);
    // A distance of the whole word has no character in common.
    if (begins || (distance <= allowed && distance < longer)) {
      near.emplace_back(distance, candidate);
    }
  }
  std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) {
    return a.first < b.first;
  });
  std::vector<std::string> matches;
  for (auto& [distance, candidate] : near) {
    if (matches.size() == limit) break;
    if (std::find(matches.begin(), matches.end(), candidate) == matches.end()) {
      matches.push_back(std::move(candidate));
    }
  }
  return matches;
}

std::string DidYouMean(absl::string_view word,
                       absl::Span<const std::string> candidates) {
  const std::vector<std::string> matches = NearMatches(word, candidates);
  if (matches.empty()) return "";
  std::string text = "; did you mean ";
  for (size_t i = 0; i < matches.size(); ++i) {
    const bool is_last = i + 1 == matches.size();
    if (i > 0) absl::StrAppend(&text, is_last ? " or " : ", ");
    absl::StrAppend(&text, "'", matches[i], "'");
  }
  return text + "?";
}

}  // namespace opcost
