# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The hooks on live interfaces: tests/live_hook.sh (root) drives build/tests/hook_live.

HOOK_LIVE_OBJ := $(patsubst %.c,$(B)/%.o,tests/hook_live.c flowd/maps.c flowd/maps_tc.c flowd/early.c flowd/ring.c \
	flowd/bpffs.c schema/bpffs.c flowd/hook.c flowd/hook_own.c flowd/pin_keep.c flowd/log.c flowd/confine.c flowd/confine_calls.c xdp/xdp_hook.c xdp/xdp_hand.c xdp/xdp_inside.c xdp/xdp_mtu.c xdp/xdp_probe.c xdp/xdp_swap.c tc/tc_hook.c tc/clsact_hook.c)

.PHONY: hook_live check-hook
hook_live: $(B)/tests/hook_live

$(B)/tests/hook_live: $(HOOK_LIVE_OBJ)
	$(Q)$(CC) $(LDFLAGS) $^ -lxdp -lbpf -lelf -lcap-ng -lseccomp -o $@

check-hook: hook_live
	$(Q)tests/live_hook.sh $(B)/tests/hook_live
