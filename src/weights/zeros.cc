// SPDX-License-Identifier: Apache-2.0
#include "opcost/weights/zeros.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/ir/element_bits.h"
#include "opcost/support/status_macros.h"
#include "src/weights/threads.h"

namespace opcost {
namespace {

// Additions into a counter as narrow as the element vectorise; a block of this
// many doesn't overflow a counter of 8 bits.
constexpr int64_t kBlock = 128;

template <typename T>
int64_t CountEqual(const uint8_t* bytes, int64_t elements, T mask, T value) {
  int64_t total = 0;
  int64_t i = 0;
  for (; i + kBlock <= elements; i += kBlock) {
    T block[kBlock];
    std::memcpy(block, bytes + static_cast<size_t>(i) * sizeof(T),
                sizeof(block));
    T count = 0;
    for (const T element : block) {
      count = static_cast<T>(count + ((element & mask) == value ? 1 : 0));
    }
    total += static_cast<int64_t>(count);
  }
  for (; i < elements; ++i) {
    T element;
    std::memcpy(&element, bytes + static_cast<size_t>(i) * sizeof(T),
                sizeof(T));
    total += (element & mask) == value ? 1 : 0;
  }
  return total;
}

// Elements of 4 or 2 bits, several to a byte.
int64_t CountEqualPacked(const uint8_t* bytes, int64_t elements, int width,
                         const ZeroPattern& zero) {
  const int per_byte = 8 / width;
  const auto ones = static_cast<uint8_t>((1U << width) - 1);
  const auto whole = elements / per_byte;
  int64_t total = 0;
  for (int lane = 0; lane < per_byte; ++lane) {
    const auto mask =
        static_cast<uint8_t>((zero.mask & ones) << (lane * width));
    const auto value = static_cast<uint8_t>(zero.value << (lane * width));
    const bool is_in_last = lane < elements % per_byte;
    total +=
        CountEqual<uint8_t>(bytes, whole + (is_in_last ? 1 : 0), mask, value);
  }
  return total;
}

bool HasNegativeZero(DataType type) {
  return IsFloating(type) && type != DataType::kFloat8E4M3FNUZ &&
         type != DataType::kFloat8E5M2FNUZ;
}

}  // namespace

ZeroPattern ZeroOf(DataType type, int64_t zero_point) {
  const int width = WidthBits(type);
  const uint64_t ones = width >= 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  if (type == DataType::kFloat8E8M0) return {ones, 0, false};
  if (HasNegativeZero(type)) return {ones >> 1, 0, true};
  if (!IsInteger(type)) return {ones, 0, true};
  const uint64_t bits = static_cast<uint64_t>(zero_point) & ones;
  return {ones, bits, IntFromBits(type, bits) == zero_point};
}

int64_t CountZeros(DataType type, const ZeroPattern& zero,
                   absl::Span<const uint8_t> bytes, int64_t elements) {
  if (!zero.exists) return 0;
  const int width = WidthBits(type);
  switch (width) {
    case 8:
      return CountEqual(bytes.data(), elements, static_cast<uint8_t>(zero.mask),
                        static_cast<uint8_t>(zero.value));
    case 16:
      return CountEqual(bytes.data(), elements,
                        static_cast<uint16_t>(zero.mask),
                        static_cast<uint16_t>(zero.value));
    case 32:
      return CountEqual(bytes.data(), elements,
                        static_cast<uint32_t>(zero.mask),
                        static_cast<uint32_t>(zero.value));
    case 64:
      return CountEqual(bytes.data(), elements, zero.mask, zero.value);
    default:
      return CountEqualPacked(bytes.data(), elements, width, zero);
  }
}

absl::StatusOr<int64_t> CountZeros(const PayloadReader& payload, DataType type,
                                   int64_t elements, const ZeroPattern& zero,
                                   int threads) {
  if ((!IsFloating(type) && !IsInteger(type) && type != DataType::kBool) ||
      type == DataType::kComplex64 || type == DataType::kComplex128) {
    return absl::InvalidArgumentError(
        absl::StrCat("elements of type ", Name(type), " aren't weights"));
  }
  const int count = ThreadCount(threads);
  std::vector<int64_t> zeros(static_cast<size_t>(count), 0);
  const int width = WidthBits(type);
  // Enough pieces to a chunk that handing them out costs nothing.
  constexpr auto kChunkBytes =
      static_cast<int64_t>(16 * PayloadReader::kPieceBytes);
  OPCOST_RETURN_IF_ERROR(ForChunks(
      count, static_cast<int64_t>(payload.size_bytes()), kChunkBytes,
      [&](int thread, int64_t begin, int64_t end) {
        int64_t sum = 0;
        int64_t left = elements - begin / width * 8 - begin % width * 8 / width;
        const absl::Status status = payload.Read(
            static_cast<uint64_t>(begin), static_cast<uint64_t>(end),
            [&](absl::Span<const uint8_t> piece) {
              const int64_t here = std::min(
                  left, static_cast<int64_t>(piece.size()) * 8 / width);
              sum += CountZeros(type, zero, piece, here);
              left -= here;
            });
        zeros[static_cast<size_t>(thread)] += sum;
        return status;
      }));
  int64_t total = 0;
  for (const int64_t part : zeros) total += part;
  return total;
}

}  // namespace opcost
