// SPDX-License-Identifier: Apache-2.0
// A payload in memory, whose pieces are as awkward as a file's may be.
#ifndef OPCOST_TESTS_WEIGHTS_BYTES_PAYLOAD_H_
#define OPCOST_TESTS_WEIGHTS_BYTES_PAYLOAD_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "opcost/ir/payload_source.h"

namespace opcost {

// Elements of `width_bits` as ONNX packs them.
inline std::vector<uint8_t> PackCodes(const std::vector<uint64_t>& codes,
                                      int width_bits) {
  const auto width = static_cast<size_t>(width_bits);
  std::vector<uint8_t> bytes((codes.size() * width + 7) / 8, 0);
  for (size_t i = 0; i < codes.size(); ++i) {
    for (size_t bit = 0; bit < width; ++bit) {
      const size_t at = i * width + bit;
      bytes[at / 8] = static_cast<uint8_t>(bytes[at / 8] |
                                           ((codes[i] >> bit & 1) << (at % 8)));
    }
  }
  return bytes;
}

class BytesPayload : public PayloadReader {
 public:
  // Pieces of 256 KB take large tensors; `piece_bytes`, a multiple of 16, gets
  // the same from small ones.
  explicit BytesPayload(std::vector<uint8_t> bytes,
                        uint64_t piece_bytes = kPieceBytes)
      : bytes_(std::move(bytes)), piece_bytes_(piece_bytes) {}

  uint64_t size_bytes() const override { return bytes_.size(); }
  absl::Status Read(uint64_t begin, uint64_t end,
                    const Take& take) const override {
    if (fails_) return absl::DataLossError("the disk is gone");
    for (uint64_t at = begin; at < end; at += piece_bytes_) {
      take({bytes_.data() + at, std::min(piece_bytes_, end - at)});
    }
    return absl::OkStatus();
  }

  void set_fails() { fails_ = true; }

 private:
  std::vector<uint8_t> bytes_;
  uint64_t piece_bytes_;
  bool fails_ = false;
};

}  // namespace opcost

#endif  // OPCOST_TESTS_WEIGHTS_BYTES_PAYLOAD_H_
