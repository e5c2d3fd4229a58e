// SPDX-License-Identifier: Apache-2.0
#include "opcost/frontend/payloads.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/ir/element_bits.h"
#include "opcost/support/status_macros.h"
#include "src/frontend/scattered_payload.h"
#include "src/frontend/weight_file.h"

namespace opcost {

static_assert(std::endian::native == std::endian::little,
              "payloads are read as they lie in the file");

class ModelPayloads::File {
 public:
  explicit File(std::unique_ptr<const WeightFile> bytes, std::string path)
      : bytes_(std::move(bytes)), path_(std::move(path)) {}

  const WeightFile& bytes() const { return *bytes_; }
  const std::string& path() const { return path_; }

 private:
  std::unique_ptr<const WeightFile> bytes_;
  std::string path_;
};

namespace {

// Plain bytes of a file.
class PlainReader : public PayloadReader {
 public:
  PlainReader(const WeightFile& file, uint64_t offset, uint64_t size)
      : file_(&file), offset_(offset), size_(size) {}

  uint64_t size_bytes() const override { return size_; }

  absl::Status Read(uint64_t begin, uint64_t end,
                    const Take& take) const override {
    const char* bytes = file_->bytes().data();
    for (uint64_t at = begin; at < end; at += kPieceBytes) {
      const size_t first = offset_ + at;
      const size_t length = std::min(kPieceBytes, end - at);
      file_->Load(first, first + length);
      take({reinterpret_cast<const uint8_t*>(bytes) + first, length});
      file_->Drop(first, first + length);
    }
    return absl::OkStatus();
  }

  absl::Status ReadRanges(absl::Span<const Range> ranges,
                          const TakeRange& take) const override {
    // Ranges that are near each other share pages, which come with a fault.
    constexpr uint64_t kSpanBytes = 8 * kPieceBytes;
    const char* bytes = file_->bytes().data();
    uint64_t dropped = ranges.empty() ? 0 : ranges.front().begin;
    for (size_t i = 0; i < ranges.size(); ++i) {
      const auto [begin, end] = ranges[i];
      take(i, {reinterpret_cast<const uint8_t*>(bytes) + offset_ + begin,
               end - begin});
      if (end - dropped < kSpanBytes && i + 1 < ranges.size()) continue;
      file_->Drop(offset_ + dropped, offset_ + end);
      dropped = end;
    }
    return absl::OkStatus();
  }

 private:
  const WeightFile* file_;
  uint64_t offset_;
  uint64_t size_;
};

// The elements of a small or uniform value.
class ValueReader : public PayloadReader {
 public:
  ValueReader(std::shared_ptr<const TensorValue> value, uint64_t size)
      : value_(std::move(value)), size_(size) {}

  uint64_t size_bytes() const override { return size_; }

  absl::Status Read(uint64_t begin, uint64_t end,
                    const Take& take) const override {
    std::vector<uint8_t> piece;
    for (uint64_t at = begin; at < end;) {
      piece.resize(std::min(kPieceBytes, end - at));
      for (uint8_t& byte : piece) byte = Byte(at++);
      take(piece);
    }
    return absl::OkStatus();
  }

 private:
  uint64_t Bits(uint64_t i) const {
    if (i >= static_cast<uint64_t>(value_->size())) return 0;
    const auto index = static_cast<int64_t>(i);
    return value_->holds_integers()
               ? static_cast<uint64_t>(value_->Int(index).value())
               : BitsFromFloat(value_->type(), value_->Float(index));
  }

  uint8_t Byte(uint64_t at) const {
    const auto width = static_cast<uint64_t>(WidthBits(value_->type()));
    if (width >= 8) {
      return static_cast<uint8_t>(Bits(at * 8 / width) >> (at * 8 % width));
    }
    const uint64_t mask = (uint64_t{1} << width) - 1;
    uint64_t byte = 0;
    for (uint64_t i = 0; i < 8 / width; ++i) {
      byte |= (Bits(at * (8 / width) + i) & mask) << (i * width);
    }
    return static_cast<uint8_t>(byte);
  }

  std::shared_ptr<const TensorValue> value_;
  uint64_t size_;
};

bool HasPlainNumbers(const TensorValue& value) {
  if (!value.holds_integers()) return true;
  const int64_t kept =
      value.is_uniform() ? std::min<int64_t>(value.size(), 1) : value.size();
  for (int64_t i = 0; i < kept; ++i) {
    if (!value.Int(i).is_concrete()) return false;
  }
  return true;
}

// `location` in the folder of the model at `path`, for messages.
std::string PathBeside(const std::string& path, const std::string& location) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? location
                                    : path.substr(0, slash + 1) + location;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

absl::StatusOr<std::unique_ptr<PayloadReader>> OpenPlain(
    const StoredTensor& tensor, const WeightFile& file, uint64_t size) {
  const uint64_t has = file.bytes().size();
  const uint64_t offset = tensor.payload.offset_bytes;
  uint64_t end = 0;
  if (__builtin_add_overflow(offset, size, &end) || end > has) {
    return absl::OutOfRangeError(absl::StrCat(
        ToString(tensor.type), " takes ", size, " bytes from byte ", offset,
        ", but the file has ", has,
        "; it is cut off, or another model's: fetch or export it again"));
  }
  return std::make_unique<PlainReader>(file, offset, size);
}

}  // namespace

ModelPayloads::ModelPayloads(std::string path) : path_(std::move(path)) {}

ModelPayloads::ModelPayloads(absl::string_view bytes, std::string path)
    : path_(std::move(path)), is_kept_(true) {
  files_[""] = std::make_unique<const File>(WeightFile::OfBytes(bytes), path_);
}

ModelPayloads::~ModelPayloads() = default;

absl::StatusOr<const ModelPayloads::File*> ModelPayloads::FileAt(
    const std::string& location) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = files_.find(location);
  if (found != files_.end()) return found->second.get();
  if (is_kept_) {
    return absl::NotFoundError(absl::StrCat(
        "its external data lie in '", location, "', but the model came from ",
        path_ == "-" ? "standard input" : "bytes",
        ", which has no folder; give the model as a file"));
  }
  const bool is_model = location.empty();
  auto file = WeightFile::Open(is_model ? path_ : FolderOf(path_), location);
  const std::string path = is_model ? path_ : PathBeside(path_, location);
  if (!file.ok()) {
    return absl::Status(
        file.status().code(),
        absl::StrCat(
            path, ": ", file.status().message(),
            is_model || !absl::IsNotFound(file.status())
                ? ""
                : absl::StrCat("; put the external data beside ", path_)));
  }
  auto& slot = files_[location];
  slot = std::make_unique<const File>(*std::move(file), path);
  return slot.get();
}

absl::StatusOr<std::unique_ptr<PayloadReader>> ModelPayloads::OpenUnnamed(
    const StoredTensor& tensor) const {
  if (tensor.type.type == DataType::kString) {
    return absl::InvalidArgumentError(
        "holds strings, which have no values to calculate with");
  }
  if (tensor.is_sparse) {
    return absl::UnimplementedError(
        "is stored as a sparse tensor, whose values aren't read; save it as a "
        "dense one");
  }
  const Extent size = RawSizeBytes(tensor.type);
  if (!size.is_concrete()) {
    return absl::OutOfRangeError("takes more than 2^63 - 1 bytes");
  }
  const auto bytes = static_cast<uint64_t>(size.value());
  const Payload& payload = tensor.payload;
  if (payload.place == Payload::Place::kNone || bytes == 0) {
    if (bytes == 0 ||
        (tensor.value != nullptr && HasPlainNumbers(*tensor.value))) {
      return std::make_unique<ValueReader>(tensor.value, bytes);
    }
    return absl::UnimplementedError(
        absl::StrCat("is ", ToString(tensor.type),
                     ", whose elements aren't kept: complex "
                     "numbers, or integers above 2^63 - 1"));
  }
  OPCOST_ASSIGN_OR_RETURN(
      const File* file,
      FileAt(payload.place == Payload::Place::kExternal ? payload.location
                                                        : ""));
  const bool is_scattered = payload.place == Payload::Place::kScattered;
  auto reader = is_scattered ? OpenScattered(tensor, file->bytes())
                             : OpenPlain(tensor, file->bytes(), bytes);
  if (reader.ok()) return reader;
  return absl::Status(
      reader.status().code(),
      absl::StrCat("in ", file->path(), ": ", reader.status().message()));
}

absl::StatusOr<std::unique_ptr<PayloadReader>> ModelPayloads::Open(
    const StoredTensor& tensor, absl::string_view name) const {
  auto reader = OpenUnnamed(tensor);
  if (reader.ok()) return reader;
  return absl::Status(
      reader.status().code(),
      absl::StrCat("the weights of '", name, "': ", reader.status().message()));
}

}  // namespace opcost
