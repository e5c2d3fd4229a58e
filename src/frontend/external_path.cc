// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/external_path.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace opcost {

absl::StatusOr<std::string> NormalizeExternalPath(absl::string_view location) {
  if (location.empty()) {
    return absl::InvalidArgumentError(
        "its external data has no location; expected a file in the model's "
        "folder");
  }
  const auto refused = [location] {
    return absl::InvalidArgumentError(absl::StrCat(
        "its external data lies in '", location,
        "', a path that leaves the model's folder; move the data beside the "
        "model and save it again"));
  };
  if (absl::StartsWith(location, "/") || absl::StrContains(location, '\0')) {
    return refused();
  }
  // A plain name, as most locations are, is normal already.
  if (!absl::StrContains(location, '/') && location[0] != '.') {
    return std::string(location);
  }
  std::vector<absl::string_view> steps;
  for (const absl::string_view step : absl::StrSplit(location, '/')) {
    if (step.empty() || step == ".") continue;
    if (step != "..") {
      steps.push_back(step);
    } else if (steps.empty()) {
      return refused();
    } else {
      steps.pop_back();
    }
  }
  if (steps.empty()) return refused();
  return absl::StrJoin(steps, "/");
}

}  // namespace opcost
