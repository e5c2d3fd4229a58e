// SPDX-License-Identifier: Apache-2.0
// Files that can't be read, aren't ONNX, are cut off, or are very large.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/frontend/protos.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A folder of its own for each test, removed at its end.
class Files : public ::testing::Test {
 protected:
  Files() {
    std::string name =
        (std::filesystem::temp_directory_path() / "opcost-XXXXXX").string();
    folder_ = mkdtemp(name.data()) != nullptr ? name : "";
  }
  ~Files() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string PathOf(const std::string& name) const {
    return folder_ + "/" + name;
  }
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(PathOf(name), std::ios::binary) << bytes;
    return PathOf(name);
  }

  std::string folder_;
};

TEST_F(Files, AreRead) {
  const std::string path = Write("m.onnx", ReluModel().SerializeAsString());
  ASSERT_OK_AND_ASSIGN(const Model model, ImportFile(path));
  EXPECT_EQ(model.path, path);
  EXPECT_EQ(model.graph.nodes.size(), 1u);
}

TEST_F(Files, ThatCanNotBeReadAreErrors) {
  const std::string missing = PathOf("missing.onnx");
  EXPECT_THAT(ImportFile(missing), StatusIs(absl::StatusCode::kNotFound,
                                            missing + ": no such file"));
  EXPECT_THAT(ImportFile(folder_),
              FailsWith(folder_ + ": is a directory; expected an ONNX file"));
  const std::string empty = Write("empty.onnx", "");
  EXPECT_THAT(ImportFile(empty),
              FailsWith(empty + ": the file is empty; expected an ONNX model"));
  const std::string pipe = PathOf("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(ImportFile(pipe),
              FailsWith(pipe + ": is a pipe; expected an ONNX file, or '-' for "
                               "standard input"));
  EXPECT_THAT(ImportFile("/dev/null"),
              FailsWith("/dev/null: is a device; expected an ONNX file, or '-' "
                        "for standard input"));
}

TEST_F(Files, WithoutPermissionAreErrors) {
  const std::string path = Write("secret.onnx", "x");
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  // Root may read everything.
  const bool may_read = access(path.c_str(), R_OK) == 0;
  EXPECT_THAT(ImportFile(path),
              FailsWith(may_read ? StartsWith(path + ": not an ONNX model")
                                 : StartsWith(path + ": no permission to read "
                                                     "the file")));
}

TEST_F(Files, UnderDevThatArePipesAreReadToTheirEnd) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  onnx::ModelProto model = ReluModel();
  model.set_doc_string(std::string(200000, 'd'));  // more than a pipe holds
  const std::string bytes = model.SerializeAsString();
  std::thread writer([&bytes, &ends] {
    size_t written = 0;
    while (written < bytes.size()) {
      const ssize_t count =
          write(ends[1], bytes.data() + written, bytes.size() - written);
      if (count <= 0) break;
      written += static_cast<size_t>(count);
    }
    close(ends[1]);
  });
  const absl::StatusOr<Model> imported =
      ImportFile(absl::StrCat("/dev/fd/", ends[0]));
  writer.join();
  close(ends[0]);
  ASSERT_THAT(imported, IsOk());
  EXPECT_EQ(imported->graph.nodes.size(), 1u);
}

struct OtherKind {
  std::string bytes;
  const char* hint;
};

TEST(Bytes, OfOtherKindsOfFilesGetAHint) {
  const std::string tflite("\x1c\0\0\0TFL3\x14\0\0\0", 12);
  const std::string ort("\x1c\0\0\0ORTM\x14\0\0\0", 12);
  const OtherKind kinds[] = {
      {std::string("PK\x03\x04\0\0", 6),
       "it looks like a zip archive, perhaps a PyTorch checkpoint; export the "
       "model with torch.onnx.export, or unpack the archive"},
      {"\x89HDF\r\n\x1a\n",
       "it looks like HDF5, perhaps a Keras model; convert it with tf2onnx"},
      {tflite, "it looks like a TFLite model; convert it with tf2onnx"},
      {ort,
       "it looks like an ONNX Runtime (ORT format) model; use the ONNX model "
       "that it was made from"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
       "it looks like a Git LFS pointer; fetch the model with 'git lfs pull'"},
      {std::string("\x1f\x8b\x08\0", 4),
       "it looks like a gzip file; unpack it first"},
      {"\x80\x02}q", "it looks like a Python pickle; export the model to ONNX"},
      {"\n<!DOCTYPE html><html>",
       "it looks like a web page; download the file itself"},
      {"<html lang=en>", "it looks like a web page; download the file itself"},
      {"ir_version: 8\ngraph {\n}\n",
       "it looks like text; save the model in ONNX's binary format"},
  };
  for (const OtherKind& kind : kinds) {
    EXPECT_THAT(
        ImportBytes(kind.bytes, "m.onnx"),
        FailsWith(absl::StrCat("m.onnx: not an ONNX model: ", kind.hint)));
  }
}

TEST(Bytes, ThatAreNoMessageNameTheFirstWrongByte) {
  const OtherKind kinds[] = {
      {std::string("\x08\x07\x00\x01", 4),
       "the file is corrupt or cut off at byte 2 of 4: no protobuf field "
       "starts there"},
      {std::string("\x08\x07\x0e", 3),
       "the file is corrupt or cut off at byte 2 of 3: no protobuf field "
       "starts there"},
      {"\x08\x87",
       "the file is corrupt or cut off at byte 0 of 2: a number starts there "
       "that doesn't end"},
      {"\x08" + std::string(11, '\xff'),
       "the file is corrupt or cut off at byte 0 of 12: a number starts there "
       "that doesn't end"},
      {"\x12\x85",
       "the file is corrupt or cut off at byte 0 of 2: a length starts there "
       "that doesn't end"},
      {"\x12\x05"
       "abc\x01",
       "the file is corrupt or cut off at byte 0 of 6: a field of 5 bytes "
       "starts there, but its file has only 4 bytes left"},
      {"\x0d\x01",
       "the file is corrupt or cut off at byte 0 of 2: a field of 4 bytes "
       "starts there, but its file has only 1 bytes left"},
      {"\x0c\x01",
       "the file is corrupt or cut off at byte 0 of 2: a group ends there that "
       "never began"},
      // Field 1 of a graph of 3 bytes says that it has 4.
      {std::string("\x3a\x03\x0a\x04\x01\x00\x00", 7),
       "the file is corrupt or cut off at byte 2 of 7: a field of 4 bytes "
       "starts there, but its message has only 1 bytes left"},
  };
  for (const OtherKind& kind : kinds) {
    EXPECT_THAT(
        ImportBytes(kind.bytes, "m.onnx"),
        FailsWith(absl::StrCat("m.onnx: not an ONNX model: ", kind.hint)));
  }
}

TEST(Bytes, OfAListThatEndsAmidANumberAreAnError) {
  // graph.initializer.dims, packed: a varint that doesn't end.
  EXPECT_THAT(
      ImportBytes(std::string("\x08\x08\x3a\x05\x2a\x03\x0a\x01\x80", 9),
                  "m.onnx"),
      FailsWith("m.onnx: not an ONNX model: the file is corrupt: a "
                "list of numbers ends amid a number, or messages nest "
                "too deeply"));
}

TEST(Bytes, CutOffAnywhereGiveAnErrorAndNoCrash) {
  onnx::ModelProto model = ReluModel();
  AddInitializer(model.mutable_graph(), "w", 1, {300}, std::string(1200, 'a'));
  const std::string bytes = model.SerializeAsString();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const absl::StatusOr<Model> imported =
        ImportBytes(absl::string_view(bytes).substr(0, size), "m.onnx");
    // The last field of the file is opset_import, without which no model is.
    EXPECT_THAT(imported, FailsWith(StartsWith("m.onnx: ")));
  }
}

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) {
    bytes.push_back(static_cast<char>((value & 0x7f) | 0x80));
  }
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

int64_t PeakMemoryKilobytes() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST_F(Files, Above2GigabytesAreReadWithoutTheirPayload) {
  constexpr uint64_t kPayloadBytes = uint64_t{3} << 30;
  // The initializer "w", uint8[3221225472], whose raw_data is a hole.
  const std::string before =
      "\x08" + Varint(kPayloadBytes) + "\x10\x02\x4a" + Varint(kPayloadBytes);
  const std::string after = "\x42\x01w";
  const std::string tensor =
      "\x2a" + Varint(before.size() + kPayloadBytes + after.size()) + before;
  onnx::ModelProto model = ReluModel();
  const std::string nodes = model.graph().SerializeAsString();
  model.clear_graph();
  const std::string head =
      model.SerializeAsString() + "\x3a" +
      Varint(tensor.size() + kPayloadBytes + after.size() + nodes.size()) +
      tensor;
  const std::string path = Write("large.onnx", head);
  std::filesystem::resize_file(path, head.size() + kPayloadBytes);
  std::ofstream(path, std::ios::binary | std::ios::app) << after << nodes;

  const int64_t peak_before = PeakMemoryKilobytes();
  ASSERT_OK_AND_ASSIGN(const Model imported, ImportFile(path));
  EXPECT_LT(PeakMemoryKilobytes() - peak_before, 64 << 10);
  const Value& w = ValueNamed(imported.graph, "w");
  ASSERT_NE(w.stored, nullptr);
  EXPECT_EQ(w.stored->payload.place, Payload::Place::kModelFile);
  EXPECT_EQ(w.stored->payload.offset_bytes, head.size());
  EXPECT_EQ(w.stored->payload.length_bytes, kPayloadBytes);
  EXPECT_EQ(imported.graph.nodes.size(), 1u);
}

}  // namespace
}  // namespace opcost
