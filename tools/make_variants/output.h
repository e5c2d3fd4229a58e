// SPDX-License-Identifier: Apache-2.0
// A variant before it is written: its graph, and how each tensor is made.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_OUTPUT_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_OUTPUT_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <functional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tools/make_variants/source.h"

namespace opcost::variants {

// Where the bytes of a tensor go.
class Sink {
 public:
  explicit Sink(std::ostream* out) : out_(out) {}
  void Write(const char* bytes, int64_t count) {
    out_->write(bytes, static_cast<std::streamsize>(count));
    written_ += count;
  }
  int64_t written() const { return written_; }

 private:
  std::ostream* out_;
  int64_t written_ = 0;
};

// Writes all elements of a tensor, little-endian.
using Fill = std::function<absl::Status(Sink*)>;

// A tensor of the variant.
struct NewTensor {
  onnx::TensorProto head;  // name, type and shape; the elements if `fill` is
                           // empty and it isn't absent
  int64_t bytes = 0;
  Fill fill;
  bool is_absent = false;  // declared as external data that isn't written
};

// The variant's graph without its tensors, and these in order.
struct NewModel {
  onnx::ModelProto proto;
  std::vector<NewTensor> tensors;
  std::vector<std::string> notes;  // what the user should know
};

enum class Place : uint8_t {
  kExternal,  // NAME.weights beside the model
  kEmbedded,  // in the model
};

// The tensor as the source has it.
NewTensor Copy(const Tensor& tensor);
// Another name, type or shape, and no elements yet.
NewTensor Declare(const std::string& name, DataType type,
                  const std::vector<int64_t>& dims);
// A small tensor with elements.
NewTensor Floats(const std::string& name, DataType type,
                 const std::vector<int64_t>& dims,
                 absl::Span<const double> elements);
NewTensor Integer(const std::string& name, DataType type, int64_t element);

// Drops tensors that no node reads and the graph doesn't return, and what the
// graph says of values that it no longer has. Inputs of the graph that are
// stored tensors become plain initializers, which IR version 4 introduced.
void DropUnused(NewModel* model);

// Writes FOLDER/NAME.onnx, and FOLDER/NAME.weights unless the tensors are
// embedded or absent; returns the bytes of both. Needs memory for pieces of a
// tensor. UNAVAILABLE, with the path, if a file can't be written; then neither
// is left. INVALID_ARGUMENT if a file is one that `source` is read from, or the
// model with its tensors would exceed 2 GB, which protobuf doesn't read.
absl::StatusOr<int64_t> Write(const Source& source, const NewModel& model,
                              const std::string& folder,
                              const std::string& name, Place place);

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_OUTPUT_H_
