// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/counter.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/measure/counters.h"
#include "src/measure/powercap_tree.h"

namespace opcost {

absl::StatusOr<std::unique_ptr<EnergyCounter>> OpenCounter(
    const CounterChoice& choice) {
  const MeasureSystem system = RealSystem();
  absl::string_view text = choice.counter;
  if (text == "rapl" || text == "auto") {
    return OpenRapl(choice.powercap_root, system);
  }
  if (absl::ConsumePrefix(&text, "constant=")) {
    return OpenConstant(text, system);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("counter '", Printable(choice.counter),
                   "': expected auto, rapl or constant=WATTS"));
}

std::vector<CounterCheck> CheckCounters(const CounterChoice& choice) {
  CounterCheck check;
  check.counter = "rapl";
  auto counter = OpenRapl(choice.powercap_root, RealSystem());
  check.is_usable = counter.ok();
  if (counter.ok()) {
    check.domains = (*counter)->domains();
  } else {
    check.problem = std::string(counter.status().message());
  }
  return {check};
}

}  // namespace opcost
