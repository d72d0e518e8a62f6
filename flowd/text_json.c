/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text_json.c: see text_json.h. */
#include "flowd/text_json.h"

#include <stdlib.h>
#include <string.h>

#include "schema/utf8.h"

json_t *text_json(const char *text)
{
	size_t size = text ? UTF8_MENDED_SIZE(strlen(text)) : 0;
	json_t *string = text ? json_string(text) : json_null();
	char *mended;

	if (string)
		return string;
	mended = malloc(size);
	if (mended) {
		utf8_mend(text, mended, size);
		string = json_string(mended);
	}
	free(mended);
	return string;
}
