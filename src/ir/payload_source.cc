// SPDX-License-Identifier: Apache-2.0
#include "opcost/ir/payload_source.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "opcost/ir/data_type.h"

namespace opcost {

// Reads from the first range to the last and keeps what is asked for.
absl::Status PayloadReader::ReadRanges(absl::Span<const Range> ranges,
                                       const TakeRange& take) const {
  if (ranges.empty()) return absl::OkStatus();
  uint64_t at = ranges.front().begin;
  size_t next = 0;
  std::vector<uint8_t> kept;  // from the begin of range `next` on
  return Read(at, ranges.back().end, [&](absl::Span<const uint8_t> piece) {
    const uint64_t begin = at;
    at += piece.size();
    if (next == ranges.size() || ranges[next].begin >= at) return;
    const uint64_t first = std::max(begin, ranges[next].begin);
    kept.insert(kept.end(), piece.begin() + (first - begin), piece.end());
    const uint64_t kept_begin = at - kept.size();
    while (next < ranges.size() && ranges[next].end <= at) {
      const Range& range = ranges[next];
      take(next++, absl::MakeConstSpan(kept).subspan(range.begin - kept_begin,
                                                     range.end - range.begin));
    }
    const uint64_t keep_from =
        next < ranges.size() ? std::min(ranges[next].begin, at) : at;
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(
                                                keep_from - kept_begin));
  });
}

Extent RawSizeBytes(const TensorType& type) {
  const Extent elements = Volume(type.shape.dims());
  const int width_bits = WidthBits(type.type);
  if (width_bits >= 8) return elements * Extent(width_bits / 8);
  if (width_bits == 0) return 0;
  return Extent::CeilDiv(elements, 8 / width_bits);
}

}  // namespace opcost
