/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Buckets of the lab's histograms, for BPF programs that count into maps and for user space that reads them
 * (harness/measure/histogram.h). Log-linear: each power of two is cut into 64 equal buckets, and values below
 * 128 have one each, so a bucket's middle is at most 1/128 (0.8 %) from any value in it. Values are
 * nanoseconds up to 2^42 - 1 (73 minutes); larger ones count in the last bucket.
 *
 * A program counts with a map from bucket to count: BPF_MAP_TYPE_PERCPU_HASH where few buckets are touched,
 * BPF_MAP_TYPE_PERCPU_ARRAY with HISTOGRAM_BUCKETS entries where speed matters more than memory.
 */
#ifndef KNETLAB_HISTOGRAM_ABI_H
#define KNETLAB_HISTOGRAM_ABI_H

#include <linux/types.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_SUB (1 << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_VALUE_BITS 42
#define HISTOGRAM_BUCKETS 2368 /* 64 for each power of two from 2^6 on, and 64 below */

static inline __attribute__((always_inline)) __u32 histogram_bucket(__u64 value)
{
	__u64 rest = value >> HISTOGRAM_SUB_BITS; /* its highest bit says how far to shift */
	__u32 shift = 0, step;

	if (value >> HISTOGRAM_VALUE_BITS)
		return HISTOGRAM_BUCKETS - 1;
	/* No loop and no clz: old verifiers take neither. */
	if (rest >> 32) {
		shift += 32;
		rest >>= 32;
	}
	if (rest >> 16) {
		shift += 16;
		rest >>= 16;
	}
	if (rest >> 8) {
		shift += 8;
		rest >>= 8;
	}
	if (rest >> 4) {
		shift += 4;
		rest >>= 4;
	}
	if (rest >> 2) {
		shift += 2;
		rest >>= 2;
	}
	if (rest >> 1)
		shift += 1;
	step = value >> shift;
	return (shift << HISTOGRAM_SUB_BITS) + step;
}

#endif
