// SPDX-License-Identifier: Apache-2.0
// A model's bytes without its tensor payloads.
#ifndef OPCOST_FRONTEND_SKELETON_H_
#define OPCOST_FRONTEND_SKELETON_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/graph.h"
#include "src/frontend/wire.h"

namespace opcost {

// Tensors whose payload fields take at most this many bytes keep them.
inline constexpr uint64_t kMaxInlinePayloadBytes = 1024;
// Levels of subgraphs below the model's graph, and of types within types.
inline constexpr int kMaxNesting = 32;
// Three messages for each level of subgraphs and two for each of types, and
// some more for what is in the innermost: protobuf's limit for a skeleton.
inline constexpr int kMaxMessageDepth = 5 * kMaxNesting + 40;

// Stands before a payload's index in the doc_string of a tensor that lost it.
inline constexpr absl::string_view kPayloadMark = "opcost-payload:";

// A payload that was left out.
struct CutPayload {
  Payload payload;           // kModelFile or kScattered
  uint32_t field_mask = 0;   // bit n: TensorProto's field n holds a part
  uint64_t total_bytes = 0;  // of all parts, as encoded
};

// A ModelProto in the wire format without the payloads above
// kMaxInlinePayloadBytes. A tensor that lost its payload has kPayloadMark and
// the decimal index into `payloads` as its doc_string; other tensors that are
// long enough to be walked have none. The rest is as the file has it, but for
// lengths, some of which are padded.
struct Skeleton {
  absl::string_view bytes;  // `storage`, or the file itself if nothing was cut
  std::string storage;
  std::vector<CutPayload> payloads;

  Skeleton() = default;
  // `bytes` may refer to `storage`, whose characters a move may relocate.
  Skeleton(const Skeleton&) = delete;
  Skeleton& operator=(const Skeleton&) = delete;
};

// Walks once over `file` and fills `skeleton`, which refers to `file`. Reads no
// payload bytes, but for the tags of repeated fields that aren't packed.
// Errors: DATA_LOSS for bytes that aren't a message, with the byte where they
// stop being one; INVALID_ARGUMENT for nesting beyond kMaxNesting, and for a
// structure of 2 GB, protobuf's limit.
absl::Status ReadSkeleton(absl::string_view file, Skeleton* skeleton);

// Finds the tensor of `file` in which `payload_offset` lies, which a payload of
// that file began at. Errors: DATA_LOSS if there is none, the file having
// changed.
absl::Status FindTensor(absl::string_view file, uint64_t payload_offset,
                        WireField* tensor);

}  // namespace opcost

#endif  // OPCOST_FRONTEND_SKELETON_H_
