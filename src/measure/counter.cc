// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/counter.h"
