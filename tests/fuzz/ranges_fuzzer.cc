// SPDX-License-Identifier: Apache-2.0
// Any bytes as ranges that layers are drawn from: refused with a place, or
// every layer drawn is a model that is read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "opcost/frontend/layer_text.h"
#include "opcost/measure/draw.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<opcost::LayerRanges> ranges =
      opcost::ParseLayerRanges("r.toml", text);
  if (!ranges.ok()) return 0;
  for (const char* name : {"Conv", "ConvTranspose", "DepthwiseConv", "MaxPool",
                           "BatchNormalization", "Linear", "Softmax", "Add",
                           "LayerNormalization"}) {
    const absl::StatusOr<std::string> layer =
        opcost::DrawLayer(*ranges, {name, 0}, /*seed=*/1);
    if (!layer.ok()) {
      if (!absl::IsOutOfRange(layer.status())) std::abort();
    } else if (!opcost::LayerModel(*layer).ok()) {
      std::abort();
    }
  }
  return 0;
}
