// SPDX-License-Identifier: Apache-2.0
#include "opcost/cli/cli.h"

int main(int, char**) { return 0; }
