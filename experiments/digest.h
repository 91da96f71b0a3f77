/* experiments/digest.h: SHA-256 as text. */
#ifndef DIGEST_H
#define DIGEST_H

#include <nettle/sha2.h>

/* Of all that was put in, in hexadecimal; begins anew. */
void digest_text(struct sha256_ctx *sha, char text[65]);

#endif
