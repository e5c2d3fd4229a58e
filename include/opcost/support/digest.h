// SPDX-License-Identifier: Apache-2.0
// What tells one text from another.
#ifndef OPCOST_SUPPORT_DIGEST_H_
#define OPCOST_SUPPORT_DIGEST_H_

#include <string>

#include "absl/strings/string_view.h"

namespace opcost {

// "xxh3-128:" and 32 hexadecimal digits. Not for anything that must withstand
// an attack: two texts of one digest can be made.
std::string DigestOf(absl::string_view text);

}  // namespace opcost

#endif  // OPCOST_SUPPORT_DIGEST_H_
