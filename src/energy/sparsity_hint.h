// SPDX-License-Identifier: Apache-2.0
// What a report says of zeros that nothing makes use of.
#ifndef OPCOST_SRC_ENERGY_SPARSITY_HINT_H_
#define OPCOST_SRC_ENERGY_SPARSITY_HINT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "opcost/analysis/analysis.h"
#include "opcost/memory/formats.h"
#include "opcost/memory/storage.h"

namespace opcost {

// "50 % zeros in 2:4: --weights nm (8 dense layers)", of the layers that
// `storages` leaves dense and whose statistics are in `options`; empty if those
// have few zeros, or if dense is what --weights auto chose. Errors: those of
// FindStorage().
absl::StatusOr<std::string> SparsityHint(
    const Analysis& analysis, const Formats& formats,
    const StorageOptions& options, absl::Span<const LayerStorage> storages);

}  // namespace opcost

#endif  // OPCOST_SRC_ENERGY_SPARSITY_HINT_H_
