/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text_json.h: any text as a string of JSON: names of interfaces, paths, words of drivers and of the kernel. */
#pragma once

#include <jansson.h>

/* jansson takes no text that is not UTF-8: with U+FFFD for each byte that is none. null: there is no text. */
json_t *text_json(const char *text);
