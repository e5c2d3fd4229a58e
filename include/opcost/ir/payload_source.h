// SPDX-License-Identifier: Apache-2.0
// The bytes of stored tensors, wherever they lie, in pieces.
#ifndef OPCOST_IR_PAYLOAD_SOURCE_H_
#define OPCOST_IR_PAYLOAD_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/ir/graph.h"

namespace opcost {

// The bytes of one tensor's elements as ONNX's raw_data has them, whatever the
// model's own encoding is: in row-major order, little-endian, elements of 4 and
// 2 bits packed with the first in a byte's lowest bits.
class PayloadReader {
 public:
  // The most bytes that Read() hands over at once. A multiple of every
  // element's width.
  static constexpr uint64_t kPieceBytes = uint64_t{1} << 18;

  using Take = std::function<void(absl::Span<const uint8_t>)>;

  virtual ~PayloadReader() = default;

  // Bytes of all elements: RawSizeBytes() of the tensor's type.
  virtual uint64_t size_bytes() const = 0;

  // Hands the bytes [begin, end) to `take`, in order, in pieces of kPieceBytes
  // but for the last. A piece is valid during the call alone, and its address
  // isn't aligned. Several threads may read at once; one of them holds a piece
  // or two of memory, not the tensor. Requires begin <= end <= size_bytes().
  //
  // Errors: DATA_LOSS if the file has changed since it was opened.
  virtual absl::Status Read(uint64_t begin, uint64_t end,
                            const Take& take) const = 0;

  // Hands over each of `ranges`, which begin and end in rising order, whole.
  // One call with many of them costs less than many calls.
  struct Range {
    uint64_t begin = 0;
    uint64_t end = 0;
  };
  using TakeRange =
      std::function<void(size_t index, absl::Span<const uint8_t>)>;
  virtual absl::Status ReadRanges(absl::Span<const Range> ranges,
                                  const TakeRange& take) const;
};

// Where a model's payloads come from.
class PayloadSource {
 public:
  virtual ~PayloadSource() = default;

  // A reader of `tensor`, which `name` calls in messages; the source must
  // outlive it. Several threads may call this at once.
  //
  // Errors name file, tensor and remedy: the file is missing (NOT_FOUND), can't
  // be read, lies outside the model's folder, or is too short for the tensor;
  // the model has no bytes for it; strings (INVALID_ARGUMENT).
  virtual absl::StatusOr<std::unique_ptr<PayloadReader>> Open(
      const StoredTensor& tensor, absl::string_view name) const = 0;
};

// Bytes that the elements of `type`, which is of known rank, take in raw_data.
// Overflow() beyond 2^63 - 1.
Extent RawSizeBytes(const TensorType& type);

}  // namespace opcost

#endif  // OPCOST_IR_PAYLOAD_SOURCE_H_
