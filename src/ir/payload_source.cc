// SPDX-License-Identifier: Apache-2.0
#include "opcost/ir/payload_source.h"

#include "opcost/ir/data_type.h"

namespace opcost {

Extent RawSizeBytes(const TensorType& type) {
  const Extent elements = Volume(type.shape.dims());
  const int width_bits = WidthBits(type.type);
  if (width_bits >= 8) return elements * Extent(width_bits / 8);
  if (width_bits == 0) return 0;
  return Extent::CeilDiv(elements, 8 / width_bits);
}

}  // namespace opcost
