// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/digest.h"

#include <xxhash.h>

#include "absl/strings/str_format.h"

namespace opcost {

std::string DigestOf(absl::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return absl::StrFormat("xxh3-128:%016x%016x", hash.high64, hash.low64);
}

}  // namespace opcost
