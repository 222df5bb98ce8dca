#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# compare.pl check REFERENCE MEASURED RELEASE - has anything become dearer? Status 1 if so, or if rows are missing or new.
# compare.pl table REFERENCE MEASURED RELEASE LIMITS - all rows, beside the reference, what the kernel makes possible, and
# XPMEM; "targets" instead of "table": those that have a target, without the reference.
# compare.pl record MEASURED ABOUT - what a reference consists of.
# compare.pl same MEASURED MEASURED - do two runs agree within half a percent?
# On the kernel release of the reference counts are compared, and may grow by 3 %. On another one what each row costs in
# units of an operation of the kernel's own, which was measured in the same run, and may grow by 6 %: those change with
# the kernel, and so does what the module calls. What is the kernel's own for the most part (munmap, fork) is compared like
# that always, and those operations themselves are told and judged by nobody: they depend on how the page allocator's lists
# look. Must never pass because there was nothing to compare.
use strict;
use warnings;

my %yardstick = (call => 'null ioctl', touch => 'memfd: first write', unmap => 'memfd: munmap',
	munmap => 'munmap of 64 MiB, not lent', fork => 'fork of 64 MiB, not lent', userfaultfd => 'fault answered through userfaultfd');
my ($SAME, $OTHER, $AGREE) = (0.03, 0.06, 0.005);
my $RECORD = "if that is meant: make bench-record, and commit selftests/bench/reference.csv";

# Status 2: it could not be told.
sub give_up { print STDERR "compare.pl: @_\n"; exit 2 }

sub fields {
	my ($line) = @_;
	my @f;
	while ($line =~ /\G(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/g) {
		my ($quoted, $plain, $end) = ($1, $2, $3);
		push @f, defined $quoted ? $quoted =~ s/""/"/gr : $plain;
		last if $end eq '';
	}
	return @f;
}

# Rows by name, their order, what comments say.
sub load {
	my ($file) = @_;
	my (@names, %rows, @columns, $about);
	open my $in, '<', $file or give_up("$file: $!");
	while (my $line = <$in>) {
		chomp $line;
		if ($line =~ s/^# //) { $about //= $line; next }
		my @f = fields($line);
		if (!@columns) { @columns = @f; next }
		my %r;
		@r{@columns} = @f;
		give_up("$file: two rows \"$r{name}\"") if $rows{$r{name}};
		$rows{$r{name}} = \%r;
		push @names, $r{name};
	}
	give_up("$file: no rows") unless @names;
	return { names => \@names, rows => \%rows, about => $about // '' };
}

sub quoted { my ($s) = @_; return $s =~ /[",]/ ? '"' . $s =~ s/"/""/gr . '"' : $s }

sub release_of { my ($ref) = @_; return $ref->{about} =~ /^([^\s,]+)/ ? $1 : '' }

# By how much a row grew, and how much it may; nothing if it says nothing of the module.
sub growth {
	my ($ref, $new, $name, $release) = @_;
	my ($old, $now) = map { $_->{rows}{$name} } $ref, $new;
	return unless $old->{value};
	my $by = $now->{value} / $old->{value};
	my $same = $release eq release_of($ref);
	return ($by - 1, $SAME) if $now->{unit} eq 'bytes' || $same && $now->{by} !~ /^(munmap|fork)$/;
	my $op = $yardstick{$now->{by}} or return;
	my ($was, $is) = map { $_->{rows}{$op}{value} or give_up("no row \"$op\"") } $ref, $new;
	return ($by * $was / $is - 1, $same ? $SAME : $OTHER);
}

sub check {
	my ($ref, $new, $release) = (load($_[0]), load($_[1]), $_[2]);
	my ($compared, @dearer, @cheaper, @kernel) = (0);
	my %kernel = map { $_ => 1 } values %yardstick;
	my @new = grep { !$ref->{rows}{$_} } @{$new->{names}};
	my @missing = grep { !$new->{rows}{$_} } @{$ref->{names}};
	for my $name (grep { $ref->{rows}{$_} } @{$new->{names}}) {
		my ($by, $may) = growth($ref, $new, $name, $release) or next;
		$compared++;
		my $line = sprintf "%-46s %11s -> %11s  %+.1f %%", $name, $ref->{rows}{$name}{value}, $new->{rows}{$name}{value},
			100 * $by;
		next unless abs $by > $may;
		push @{$kernel{$name} || $ref->{rows}{$name}{group} eq 'kernel' ? \@kernel : $by > 0 ? \@dearer : \@cheaper}, $line;
	}
	print "# reference: $ref->{about}\n";
	printf "# %s: %s, at most %d %% more\n", $release, $release eq release_of($ref) ? "the same kernel, so counts are compared" :
		"another kernel, so rows are compared in units of its own operations",
		100 * ($release eq release_of($ref) ? $SAME : $OTHER);
	print "kernel:  $_\n" for @kernel;
	print "dearer:  $_\n" for @dearer;
	print "cheaper: $_\n" for @cheaper;
	print "missing: $_\n" for @missing;
	print "new:     $_\n" for @new;
	give_up("nothing was compared") unless $compared;
	my $bad = @dearer + @missing + @new;
	printf "%d rows compared: %d dearer, %d cheaper, %d missing, %d new%s\n", $compared, scalar @dearer, scalar @cheaper,
		scalar @missing, scalar @new, $bad ? "; $RECORD" : '';
	return $bad ? 1 : 0;
}

sub record {
	my ($new, $about) = (load($_[0]), $_[1]);
	my @columns = qw(group name value unit per by);
	print "# $about\n", join(',', @columns), "\n";
	for my $name (@{$new->{names}}) {
		print join(',', map { quoted($new->{rows}{$name}{$_}) } @columns), "\n";
	}
	return 0;
}

sub same {
	my ($a, $b) = (load($_[0]), load($_[1]));
	my ($identical, $worst, @apart) = (0, 0);
	my @names = grep { $b->{rows}{$_} } @{$a->{names}};
	for my $name (@names) {
		my ($x, $y) = map { $_->{rows}{$name}{value} } $a, $b;
		my $by = $x ? abs($y / $x - 1) : 0;
		$identical++ if $x eq $y;
		$worst = $by if $by > $worst;
		push @apart, sprintf "%-46s %11s %11s  %.2f %%", $name, $x, $y, 100 * $by if $by > $AGREE;
	}
	print "apart: $_\n" for @apart;
	printf "%d rows, %d identical, the worst %.2f %% apart\n", scalar @names, $identical, 100 * $worst;
	return @apart || @names != @{$a->{names}} || @names != @{$b->{names}} ? 1 : 0;
}

sub cell { my ($v, $format) = @_; return defined $v && $v ne '' ? sprintf $format, $v : '' }

sub target_of {
	my ($r) = @_;
	return sprintf '%.0f', $r->{target} if $r->{target} ne '';
	return $r->{target_ratio} ne '' ? sprintf('%.2f of %.2f x', $r->{ratio}, $r->{target_ratio}) : '';
}

sub print_table {
	my ($short, $ref, $new, $release, $limits) = ($_[0], load($_[1]), load($_[2]), $_[3], load($_[4]));
	my ($reached, $targets, $group) = (0, 0, '');
	my $format = "%-44s %11s %-8s %13s %-7s %15s %8s %9s";
	my @lines;
	for my $r (map { $new->{rows}{$_} } @{$new->{names}}) {
		my ($old, $limit) = map { $_->{rows}{$r->{name}} } $ref, $limits;
		if ($r->{reached} ne '') { $targets++; $reached++ if $r->{reached} eq 'yes' }
		next if $short && $r->{reached} eq '';
		if ($r->{group} ne $group) {
			$group = $r->{group};
			push @lines, '', sprintf $format, $group, $r->{unit}, 'per', 'target', '', 'possible', 'XPMEM',
				$short ? '' : 'reference';
		}
		my $possible = $limit && $limit->{possible} ne '' ?
			sprintf('%s %4.1f x', $limit->{possible}, $r->{value} / $limit->{possible}) : '';
		push @lines, sprintf $format, $r->{name}, $r->{value}, $r->{per}, target_of($r),
			{ yes => 'reached', no => 'MISSED' }->{$r->{reached}} // '', $possible,
			$limit ? cell($limit->{xpmem}, '%s') : '', $old && !$short && $release eq release_of($ref) ?
			sprintf('%+.1f %%', 100 * ($r->{value} / $old->{value} - 1)) : '';
	}
	s/ +$// for @lines;
	print join("\n", @lines), "\n\n$reached of $targets targets reached\n";
	return 0;
}

sub print_bounds {
	my ($new) = @_;
	print "\nBounds, which hold on every machine:\n";
	for my $r (grep { $_->{limit} ne '' } map { $new->{rows}{$_} } @{$new->{names}}) {
		printf "%-44s %6.2f x %-28s (at most %.1f)%s\n", $r->{name}, $r->{ratio}, $r->{against}, $r->{limit},
			$r->{ratio} > $r->{limit} ? ' TOO MUCH' : '';
	}
}

sub table {
	print_table(0, @_);
	print "possible: what the kernel's own functions take for it, and how many times that it is; XPMEM: for the same. Both\n",
		"measured on 6.1.0-56-amd64, see selftests/bench/limits.csv\n";
	print_bounds(load($_[1]));
	return 0;
}

sub targets { return print_table(1, @_) }

my %commands = (check => [\&check, 3], table => [\&table, 4], targets => [\&targets, 4], record => [\&record, 2], same => [\&same, 2]);
my $command = $commands{shift // ''};
give_up("usage: check|table|targets|record|same FILE...") unless $command && @ARGV == $command->[1];
exit $command->[0]->(@ARGV);
