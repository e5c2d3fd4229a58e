// SPDX-License-Identifier: Apache-2.0
// ImageDecoder: the extents of an image stand in its encoded bytes.
#include <string>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/families.h"
#include "src/ops/sequence_types.h"

namespace opcost {
namespace {

absl::StatusOr<OutputTypes> InferImageDecoder(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* stream, node.Input(0));
  if (stream->shape.rank() != 1) {
    return node.Invalid("the encoded stream must have 1 axis but has ",
                        stream->shape.rank());
  }
  OPCOST_ASSIGN_OR_RETURN(const std::string format,
                          node.String("pixel_format", "RGB"));
  const bool is_color = format == "RGB" || format == "BGR";
  if (!is_color && format != "Grayscale") {
    return node.Invalid("pixel_format '", format,
                        "' is none of RGB, BGR and Grayscale");
  }
  Dims dims = {UnboundedExtent(node, 0, 0), UnboundedExtent(node, 0, 1),
               is_color ? 3 : 1};
  return OutputTypes{ValueType(DataType::kUint8, std::move(dims))};
}

constexpr OpDef kOps[] = {
    {.name = "ImageDecoder",
     .since = 20,
     .infer = &InferImageDecoder,
     .formula = {"0", "0", "0", "", "", "R1"},
     .description = "an image of height, width and channels from its encoded "
                    "bytes",
     .uncountable = "height, width and work of decoding stand in the encoded "
                    "bytes"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ImageOps() { return kOps; }

}  // namespace opcost
