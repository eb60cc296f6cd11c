// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket filter for a DNS server's UDP socket: of the datagrams that arrive it keeps queries with one
 * question of one type, and drops the rest: answers, other types, names that are no names. On a UDP socket
 * the data begin with the UDP header.
 */
#include <linux/bpf.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAX_LABELS 24
#define MAX_LABEL_LENGTH 63 /* above it is a pointer (RFC 1035, 4.1.4), which no question begins with */
#define FLAG_RESPONSE 0x8000

const volatile __u16 keep_type = 1; /* A */

enum counter {
	COUNTER_KEPT,
	COUNTER_OTHER_TYPE,
	COUNTER_NO_QUERY,
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct dns_header {
	__be16 id, flags, questions, answers, authorities, additional;
};

/* Where the question's type stands; 0 where there is no whole name. */
static __always_inline __u32 type_of_question(struct __sk_buff *skb)
{
	__u32 at = sizeof(struct udphdr) + sizeof(struct dns_header);

	for (int i = 0; i < MAX_LABELS; i++) {
		__u8 length;

		if (bpf_skb_load_bytes(skb, at, &length, sizeof(length)) || length > MAX_LABEL_LENGTH)
			return 0;
		at += 1 + length;
		if (!length)
			return at;
	}
	return 0;
}

SEC("socket")
int dns_filter(struct __sk_buff *skb)
{
	__u32 counter = COUNTER_NO_QUERY, at;
	struct dns_header header;
	__u64 *value;
	__be16 type;

	if (!bpf_skb_load_bytes(skb, sizeof(struct udphdr), &header, sizeof(header)) &&
	    !(header.flags & bpf_htons(FLAG_RESPONSE)) && header.questions == bpf_htons(1)) {
		at = type_of_question(skb);
		if (at && !bpf_skb_load_bytes(skb, at, &type, sizeof(type)))
			counter = type == bpf_htons(keep_type) ? COUNTER_KEPT : COUNTER_OTHER_TYPE;
	}
	value = bpf_map_lookup_elem(&counters, &counter);
	if (value)
		(*value)++;
	return counter == COUNTER_KEPT ? skb->len : 0;
}

char LICENSE[] SEC("license") = "GPL";
