// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/file_kind.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace opcost {
namespace {

struct Signature {
  size_t offset;
  absl::string_view bytes;
  absl::string_view hint;
};

// Signatures: PKWARE's APPNOTE 4.3.7, the HDF5 file format III.A, TFLite's
// schema.fbs and ONNX Runtime's ort.fbs (file_identifier), Git LFS's spec.md,
// RFC 1952, PEPs 307 and 3154.
constexpr Signature kSignatures[] = {
    {0, "PK\x03\x04",
     "it looks like a zip archive, perhaps a PyTorch checkpoint; export the "
     "model with torch.onnx.export, or unpack the archive"},
    {0, "\x89HDF\r\n",
     "it looks like HDF5, perhaps a Keras model; convert it with tf2onnx"},
    {4, "TFL3", "it looks like a TFLite model; convert it with tf2onnx"},
    {0, "version https://git-lfs",
     "it looks like a Git LFS pointer; fetch the model with 'git lfs pull'"},
    {0, "\x1f\x8b", "it looks like a gzip file; unpack it first"},
    {0, "\x80\x02", "it looks like a Python pickle; export the model to ONNX"},
    {0, "\x80\x04", "it looks like a Python pickle; export the model to ONNX"},
    {4, "ORTM",
     "it looks like an ONNX Runtime (ORT format) model; use the ONNX model "
     "that "
     "it was made from"},
};

constexpr absl::string_view kHtmlHint =
    "it looks like a web page; download the file itself";
constexpr absl::string_view kTextHint =
    "it looks like text; save the model in ONNX's binary format";

constexpr size_t kProbedBytes = 256;

bool IsText(absl::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!absl::ascii_isprint(byte) && !absl::ascii_isspace(byte)) return false;
  }
  return !bytes.empty();
}

}  // namespace

absl::string_view GuessOtherKind(absl::string_view bytes) {
  for (const Signature& signature : kSignatures) {
    if (bytes.size() >= signature.offset &&
        absl::StartsWith(bytes.substr(signature.offset), signature.bytes)) {
      return signature.hint;
    }
  }
  const absl::string_view start = bytes.substr(0, kProbedBytes);
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(start);
  if (absl::StartsWithIgnoreCase(text, "<!doctype html") ||
      absl::StartsWithIgnoreCase(text, "<html")) {
    return kHtmlHint;
  }
  return IsText(start) ? kTextHint : absl::string_view();
}

}  // namespace opcost
