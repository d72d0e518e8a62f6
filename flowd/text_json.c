/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text_json.c: see text_json.h. */
#include "flowd/text_json.h"

#include <stdlib.h>
#include <string.h>

#include "schema/utf8.h"

json_t *text_json(const char *text)
{
	json_t *string;
	char *mended;
	size_t size;

	if (!text)
		return json_null();
	string = json_string(text);
	if (string)
		return string;
	size = UTF8_MENDED_SIZE(strlen(text));
	mended = malloc(size);
	if (mended) {
		utf8_mend(text, mended, size);
		string = json_string(mended);
	}
	free(mended);
	return string;
}
