// SPDX-License-Identifier: Apache-2.0
// Networks with fewer channels.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_CHANNELS_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_CHANNELS_H_

#include "absl/status/statusor.h"
#include "tools/make_variants/output.h"
#include "tools/make_variants/source.h"

namespace opcost::variants {

// Takes from each set of channels the Share(fraction, channels) whose weights
// have the least sum of magnitudes (Li et al. 2017, "Pruning filters for
// efficient ConvNets"; sets that a residual Add ties are summed), of equal
// ones the first, and leaves at least one; without weights, the last ones. All
// tensors shrink with them. Sets that can't shrink keep their channels, with a
// note that says why. INVALID_ARGUMENT, with the reasons, if none can.
absl::StatusOr<NewModel> PruneChannels(const Source& source, double fraction);

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_CHANNELS_H_
