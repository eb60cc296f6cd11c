// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generator: run with BPF_F_TEST_XDP_LIVE_FRAMES, it makes each frame the next packet of its slabs and
 * sends it back to the device it was given as coming from, which is the way out. One run sends one packet or,
 * where none is due, none: XDP_DROP gives the frame back.
 *
 * One call of BPF_PROG_TEST_RUN does it all: each call costs 20 ms, two waits for RCU.
 *
 * A veth's ring is mostly read on the CPU that fills it, between two batches. When its reader is elsewhere (a
 * NAPI thread, or the CPU that the sending thread has been moved away from) the ring fills up, and the device
 * drops what has no room. So it is counted how many packets the other end has read, and no more are sent than
 * the ring can hold.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "bpf/include/kernel_types.h"
#include "bpf/include/live_frames_abi.h"

char LICENSE[] SEC("license") = "GPL";

/* Clock readings in one run: a few microseconds, after which the kernel looks for signals. */
#define SPINS 128

#define FEW_BYTES 128

struct slab {
	__u8 bytes[LIVE_SLAB];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct slab);
} slabs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct live_state state;

static __always_inline void notify(void)
{
	__u64 event = 0;

	/* When there is no room, there is an event that nobody has read yet. */
	bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_FORCE_WAKEUP);
}

static __always_inline void next_slab(void)
{
	__u32 key = state.slab_key + 1;

	if (key >= state.slabs) {
		key = 0;
		state.base_ns += state.round_ns;
	}
	state.slab_key = key;
	state.offset = 0;
	state.slab++;
	if (state.notify)
		notify();
}

/* The next packet, or none where the driver has not written it yet. */
static __always_inline struct live_record *next_record(void)
{
	for (int i = 0; i < 2; i++) {
		__u32 key = state.slab_key, offset = state.offset;
		struct live_record *record;
		struct slab *slab;

		if (state.slab >= *(volatile __u64 *)&state.published)
			return NULL;
		slab = bpf_map_lookup_elem(&slabs, &key);
		if (!slab)
			return NULL;
		if (offset <= LIVE_LAST_START) {
			record = (struct live_record *)(slab->bytes + offset);
			if (record->length)
				return record;
		}
		next_slab();
	}
	return NULL;
}

struct wait {
	__u64 until;
	__u64 now;
};

static long look_at_clock(__u32 index, struct wait *wait)
{
	wait->now = bpf_ktime_get_ns();
	return wait->now >= wait->until;
}

/* Whether the packet is due; waits for it a little. */
static __always_inline bool is_due(struct live_record *record)
{
	struct wait wait = {};

	if (!state.offered) {
		wait.now = bpf_ktime_get_ns();
		state.first_ns = wait.now;
		state.due_ns = 0;
		state.due_fraction = 0;
	}
	if (state.pace == LIVE_DUE)
		state.due_ns = state.base_ns + record->due_ns;
	wait.until = state.first_ns + state.due_ns;
	if (wait.now < wait.until)
		bpf_loop(SPINS, look_at_clock, &wait, 0);
	if (wait.now < wait.until)
		return false;
	state.last_ns = wait.now;
	return true;
}

static __always_inline void set_next_due(__u32 length)
{
	__u64 gap = state.gap_fp + length * state.byte_fp;
	__u64 fraction = (__u64)state.due_fraction + (__u32)gap;

	state.due_ns += (gap >> 32) + (fraction >> 32);
	state.due_fraction = (__u32)fraction;
}

/* Whether the peer's ring has room, as far as one can know. */
static __always_inline bool has_room(void)
{
	const volatile struct live_state *seen = &state;
	__u64 now;

	if (state.offered < state.limit)
		return true;
	if (!state.wait || seen->peer == LIVE_NO_PEER) {
		state.limit = ~0ULL;
		return true;
	}
	if (!seen->peer) { /* the device has taken none yet */
		state.limit = state.offered + LIVE_RING_SHARE / 2;
		return true;
	}
	state.limit = seen->polled + seen->dropped + seen->refused + state.unfit + LIVE_RING_SHARE;
	if (state.offered < state.limit) {
		state.stalled_ns = 0;
		return true;
	}
	now = bpf_ktime_get_ns();
	if (!state.stalled_ns)
		state.stalled_ns = now;
	else if (now - state.stalled_ns > LIVE_PATIENCE_NS)
		state.peer = LIVE_NO_PEER;
	return false;
}

/* Short packets word by word: the helper's memcpy takes longer to begin than this takes. */
static __always_inline void fill_words(struct xdp_md *ctx, struct live_record *record)
{
	void *to = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *from = record + 1;

#pragma unroll
	for (int i = 0; i < FEW_BYTES / 8; i++, to += 8, from += 8) {
		if (to + 8 <= end) {
			*(__u64 *)to = *(__u64 *)from;
			continue;
		}
		if (to + 4 <= end) {
			*(__u32 *)to = *(__u32 *)from;
			to += 4;
			from += 4;
		}
		if (to + 2 <= end) {
			*(__u16 *)to = *(__u16 *)from;
			to += 2;
			from += 2;
		}
		if (to + 1 <= end)
			*(__u8 *)to = *(__u8 *)from;
		return;
	}
}

static __always_inline bool fill(struct xdp_md *ctx, struct live_record *record, __u32 length)
{
	int have = (int)(ctx->data_end - ctx->data);

	if ((int)length != have && bpf_xdp_adjust_tail(ctx, (int)length - have))
		return false;
	if (length <= FEW_BYTES) {
		fill_words(ctx, record);
		return true;
	}
	return bpf_xdp_store_bytes(ctx, 0, record + 1, length) == 0;
}

SEC("xdp")
int knetlab_live(struct xdp_md *ctx)
{
	struct live_record *record;
	__u32 length;
	bool sent;

	if (*(volatile __u32 *)&state.stop || state.offered >= state.total || !has_room())
		return XDP_DROP;
	record = next_record();
	if (!record)
		return XDP_DROP;
	length = record->length;
	if (length < LIVE_LEAST_FRAME || length > LIVE_MOST_FRAME)
		return XDP_ABORTED; /* the driver writes no such record */
	if (state.pace != LIVE_MAX) {
		if (!is_due(record))
			return XDP_DROP;
		if (state.pace == LIVE_RATE)
			set_next_due(length);
	} else if (!state.offered) {
		state.first_ns = bpf_ktime_get_ns();
	}
	sent = fill(ctx, record, length);
	state.offset += (sizeof(*record) + length + LIVE_ALIGN - 1) & ~(LIVE_ALIGN - 1);
	state.offered++;
	state.bytes += length;
	if (state.offered == state.total) {
		state.last_ns = bpf_ktime_get_ns();
		notify();
	}
	if (!sent) {
		state.unfit++;
		return XDP_DROP;
	}
	return XDP_TX;
}

static __always_inline bool by_us(struct net_device *dev)
{
	return (__u32)bpf_get_current_pid_tgid() == state.thread && (__u32)dev->ifindex == state.ifindex;
}

/* struct veth_priv begins with the other end's device, whose priv begins with this one. */
static __always_inline void find_peer(struct net_device *dev)
{
	__u64 priv = ((__u64)bpf_core_type_size(struct net_device) + 31) & ~31ULL; /* NETDEV_ALIGN */
	struct net_device *peer = NULL, *back = NULL;

	state.peer = LIVE_NO_PEER;
	if (bpf_probe_read_kernel(&peer, sizeof(peer), (void *)dev + priv) || !peer)
		return;
	if (bpf_probe_read_kernel(&back, sizeof(back), (void *)peer + priv) || back != dev)
		return;
	if (BPF_CORE_READ(peer, netdev_ops) == dev->netdev_ops)
		state.peer = (__u64)(unsigned long)peer;
}

/* The way out took so many frames. Without this nobody would know: a run tells of no verdicts. */
SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(knetlab_live_sent, struct net_device *from, struct net_device *to, int sent, int drops,
	     int error)
{
	if (from != to || !by_us(to))
		return 0;
	if (!state.peer)
		find_peer(to);
	if (sent > 0)
		state.taken += sent;
	if (drops > 0) {
		state.dropped += drops;
		state.drop_error = -error;
	}
	if (state.signal && state.offered >= state.total)
		bpf_send_signal_thread(state.signal);
	return 0;
}

/* The way out is down, or its MTU is smaller. */
SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(knetlab_live_refused, struct net_device *dev, struct bpf_prog *program, void *target, int error)
{
	if (!by_us(dev))
		return 0;
	state.refused++;
	state.refuse_error = -error;
	return 0;
}

/* The peer has read so many packets, ours or others'. */
SEC("tp_btf/napi_poll")
int BPF_PROG(knetlab_live_polled, struct napi_struct *napi, int work, int budget)
{
	__u64 peer = state.peer, polled;

	if (peer <= LIVE_NO_PEER || (__u64)(unsigned long)napi->dev != peer || work <= 0)
		return 0;
	polled = state.polled + work;
	state.polled = polled < state.offered ? polled : state.offered;
	return 0;
}
