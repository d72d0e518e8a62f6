/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fold.c: see fold.h. */
#include "cli/fold.h"

#include <string.h>

#define WIDTH 96

void fold_put(const char *text, size_t indent, size_t at, FILE *file)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		if (at + 1 + len > WIDTH && at > indent) {
			fprintf(file, "\n%*s", (int)indent, "");
			at = indent;
		}
		if (at > indent) {
			fputc(' ', file);
			at++;
		}
		fwrite(text, 1, len, file);
		at += len;
		text += len + strspn(text + len, " ");
	}
	fputc('\n', file);
}
