// SPDX-License-Identifier: GPL-2.0-only
// Socket dispatch by prefix and port: one socket serves any number of addresses and ports, whatever it is
// bound to. Rules say which protocol, port and prefix go to which socket; the longest prefix wins, a rule for
// the port comes before one for all ports (port 0). What no rule is for finds its socket as always.
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2

// Of a rule, and of what is looked up. IPv4 as ::ffff:a.b.c.d. The bits of a rule: 32 and the length of the
// IPv6 prefix (an IPv4 prefix: 128 and its length).
struct dispatch_key {
	__u32 bits;
	__u8 protocol;
	__u8 zero;
	__be16 port;
	__u8 address[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct dispatch_key);
	__type(value, __u32); // index into sockets
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

// What the rules did: lookups that found no rule, that were given a socket, whose rule names none.
enum { PASSED, ASSIGNED, REFUSED, OUTCOMES };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OUTCOMES);
	__type(key, __u32);
	__type(value, __u64);
} outcomes SEC(".maps");

static __always_inline void count(__u32 outcome)
{
	__u64 *counter = bpf_map_lookup_elem(&outcomes, &outcome);

	if (counter)
		++*counter;
}

SEC("sk_lookup")
int socket_dispatch(struct bpf_sk_lookup *ctx)
{
	struct dispatch_key key = {.bits = 32 + 128, .protocol = ctx->protocol};
	struct bpf_sock *socket;
	__u32 *index;
	long error;

	if (ctx->family == AF_INET) {
		__u32 address = ctx->local_ip4;

		key.address[10] = key.address[11] = 0xff;
		__builtin_memcpy(&key.address[12], &address, sizeof(address));
	} else {
		__u32 words[4] = {ctx->local_ip6[0], ctx->local_ip6[1], ctx->local_ip6[2], ctx->local_ip6[3]};

		__builtin_memcpy(key.address, words, sizeof(words));
	}
	key.port = bpf_htons(ctx->local_port);
	index = bpf_map_lookup_elem(&rules, &key);
	if (!index) {
		key.port = 0;
		index = bpf_map_lookup_elem(&rules, &key);
	}
	if (!index) {
		count(PASSED);
		return SK_PASS;
	}
	socket = bpf_map_lookup_elem(&sockets, index);
	if (!socket) {
		count(REFUSED);
		return SK_DROP;
	}
	error = bpf_sk_assign(ctx, socket, 0);
	bpf_sk_release(socket);
	count(error ? REFUSED : ASSIGNED);
	return error ? SK_DROP : SK_PASS;
}

char _license[] SEC("license") = "GPL";
