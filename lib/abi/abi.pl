#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# abi.pl - what a program that was compiled yesterday relies on: layouts, constants, prototypes, symbols.
#
#   abi.pl print CC...                 of lib/lmap.h and uapi/linux/*.h, as the compiler CC with its options sees them
#   abi.pl print-uapi CC...            only of the headers in uapi/linux
#   abi.pl symbols LIBRARY PACKAGE     what LIBRARY exports, in the format of dpkg-gensymbols
#   abi.pl compare RECORD NOW          are programs of the time of RECORD served by NOW? 0: nothing has changed,
#                                      1: no, 2: yes, and there is more, which is to be recorded
#   abi.pl record RECORD NOW CHANGELOG write RECORD; refused if NOW breaks it and a release has it
#
# Sizes and offsets come from the compiler, never from this script; only names are found by reading the preprocessed
# headers. Must never pass over a declaration that it can't read.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);

my $top = abs_path(dirname(__FILE__) . '/../..');
my @headers = ("$top/lib/lmap.h", "$top/uapi/linux/lmap.h", "$top/uapi/linux/lmap_netlink.h");
my @include = ("-I$top/lib", "-I$top/uapi");

# command COMMAND...: its lines; ends with it
sub command
{
	open(my $pipe, '-|', @_) or die "abi.pl: no $_[0]: $!\n";
	my @lines = <$pipe>;
	close($pipe) or die "abi.pl: $_[0] failed\n";
	return @lines;
}

sub includes
{
	return map { ('-include', $_) } @headers;
}

# What the compiler has left of our headers: one string, and the macros.
sub preprocess
{
	my ($ours, $text, @macros, %seen) = (0, '');

	for (command(@_, '-std=gnu11', '-E', '-dD', @include, includes(), '-x', 'c', '/dev/null')) {
		if (/^# \d+ "(.*?)"/) {
			my $file = $1;
			$ours = grep { $_ eq $file } @headers;
			$seen{$file} = 1;
		} elsif (!$ours) {
			next;
		} elsif (/^#define (\w+)(\(?)\s*(.*)/) {
			die "abi.pl: $1: can't judge macros with arguments\n" if $2;
			push(@macros, [$1, $3]) if $3 ne '';
		} elsif (!/^#/) {
			$text .= $_;
		}
	}
	$seen{$_} or die "abi.pl: the compiler did not see $_\n" for @headers;
	$text =~ s/\s+/ /g;
	$text =~ s/__u64 __attribute__\(\(aligned\(8\)\)\)/__aligned_u64/g;
	return ($text, @macros);
}

# Cut at semicolons that stand in no braces.
sub declarations
{
	my ($text) = @_;
	my ($depth, $one, @all) = (0, '');

	for my $c (split(//, $text)) {
		$depth++ if $c eq '{';
		$depth-- if $c eq '}';
		if ($c eq ';' && !$depth) {
			push(@all, $one);
			$one = '';
		} else {
			$one .= $c;
		}
	}
	push(@all, $one);
	s/^ +| +$//g for @all;
	return grep { $_ ne '' } @all;
}

# Types only: "int space, void *p" is "int, void *". Names of parameters are nobody's business.
sub parameters
{
	my ($list) = @_;

	return join(', ', map {
		s/^ +| +$//gr =~ s/^(.*[ *])\w+$/$1/r =~ s/ +$//r
	} split(/,/, $list));
}

my @probes;	# [line without the number, C expression, how to print]

sub probe_struct
{
	my ($name, $body) = @_;

	push(@probes, ["struct $name size", "sizeof(struct $name)", '%d'],
	     ["align $name", "_Alignof(struct $name)", '%d']);
	for my $member (split(/;/, $body)) {
		$member =~ s/^ +| +$//g;
		next if $member eq '';
		$member =~ /^(.*[ *])(\w+)((?:\[\w+\])*)$/ or die "abi.pl: struct $name: can't read \"$member\"\n";
		my ($type, $field, $array) = ($1, $2, $3);
		$type =~ s/ $//;
		push(@probes, ["member $name.$field $type$array", "__builtin_offsetof(struct $name, $field)", '%d']);
	}
}

sub probe
{
	my ($declaration) = @_;

	if ($declaration =~ /^struct (\w+) \{(.*)\}$/) {
		probe_struct($1, $2);
	} elsif ($declaration =~ /^enum (?:\w+ )?\{(.*)\}$/) {
		for (split(/,/, $1)) {
			next if /^ *$/;
			/^ *(\w+)/ or die "abi.pl: can't read \"$_\"\n";
			push(@probes, ["enum $1", $1, '%d']);
		}
	} elsif ($declaration =~ /^struct (\w+)$/) {
		return;
	} elsif ($declaration =~ /^typedef (.*?) ?\(\*(\w+)\)\((.*)\)$/) {
		push(@probes, ["typedef $2 $1 (*)(" . parameters($3) . ')']);
	} elsif ($declaration =~ /^typedef ([\w *]+?) ?(\w+)$/) {
		push(@probes, ["typedef $2 $1"]);
	} elsif ($declaration =~ /^([\w *]+?) ?(\w+)\((.*)\)$/) {
		push(@probes, ["function $2 $1 (" . parameters($3) . ')']);
	} else {
		die "abi.pl: can't read \"$declaration\"\n";
	}
}

# The values stand in assembler text that is never assembled, so that no program has to run.
sub print_layout
{
	my ($text, @macros) = preprocess(@_);
	my $dir = tempdir(CLEANUP => 1);
	my @values;

	probe($_) for declarations($text);
	for (@macros) {
		my ($name, $value) = @$_;
		push(@probes, $value =~ /^"/ ? ["define $name $value"] : ["define $name", $name, '0x%x']);
	}
	open(my $c, '>', "$dir/layout.c") or die "abi.pl: $!\n";
	print $c "void layout(void)\n{\n";
	for my $i (grep { $probes[$_]->[1] } 0 .. $#probes) {
		print $c "__asm__ volatile(\"\\n->$i %c0\" : : \"i\"((long long)($probes[$i]->[1])));\n";
	}
	print $c "}\n";
	close($c);
	for (command(@_, '-std=gnu11', '-O1', '-w', @include, includes(), '-S', '-o', '-', "$dir/layout.c")) {
		$values[$1] = $2 if /^->(\d+) (-?\d+)$/;
	}
	for my $i (0 .. $#probes) {
		my ($line, $expression, $format) = @{$probes[$i]};
		die "abi.pl: no value of $line\n" if $expression && !defined($values[$i]);
		print $line, $expression ? sprintf(" $format", $values[$i]) : '', "\n";
	}
}

sub print_symbols
{
	my ($library, $package) = @_;
	my ($soname, @lines);

	for (command('readelf', '-dW', $library)) {
		$soname = $1 if /\(SONAME\).*\[(.*)\]/;
	}
	die "abi.pl: $library has no soname\n" unless $soname;
	for (command('nm', '-D', '--defined-only', $library)) {
		/^\w+ (\w) ([\w.]+?)(?:@@?(\S+))?$/ or die "abi.pl: can't read \"$_\"\n";
		push(@lines, ' ' . ($1 eq 'A' ? "$2\@$2" : "$2\@" . ($3 // 'Base')));
	}
	print "$soname $package #MINVER#\n", map { "$_\n" } sort @lines;
}

# Each line by its key, the first two words, or of symbols the first; and all lines in their order.
sub read_lines
{
	my ($path) = @_;
	my (%by_key, @lines);

	open(my $file, '<', $path) or die "abi.pl: $path: $!\n";
	while (<$file>) {
		chomp;
		next if /^#/ || $_ eq '';
		push(@lines, $_);
		my ($key, $rest) = /^ (\S+@\S+)/ ? ($1, '') : /^(\S+ \S+) ?(.*)/ ? ($1, $2) : ($_, '');
		$by_key{$key} = $rest;
	}
	die "abi.pl: $path says nothing\n" unless @lines;
	return (\%by_key, \@lines);
}

# Structures grow at their end, since they say how long they are; and so do enumerations that count.
sub may_differ
{
	my ($key, $old, $new) = @_;
	my ($old_number, $new_number) = ($old =~ /(\d+)$/, $new =~ /(\d+)$/);

	return 0 unless defined($old_number) && defined($new_number) && $new_number > $old_number;
	return $key =~ /^struct / || $key =~ /^enum _*LMAP_[A-Z_]*_MAX$/;
}

# A member that is new must not lie where old programs already have something, except where they had to write 0.
sub lies_behind
{
	my ($key, $new, $old_lines) = @_;
	my ($struct) = $key =~ /^member (\w+)\./;
	my ($offset) = $new =~ /(\d+)$/;
	my $size = ($old_lines->{"struct $struct"} // 'size 0') =~ s/\D+//r;

	return 1 if $offset >= $size;
	return grep { /^member \Q$struct\E\.reserved/ && $old_lines->{$_} =~ / \Q$offset\E$/ } keys(%$old_lines);
}

# compare RECORD NOW: what is broken, and what is new
sub compare
{
	my ($old, $new) = @_;
	my (@broken, @more);

	for my $key (sort keys(%$old)) {
		if (!exists($new->{$key})) {
			my $list = $key =~ /^member \w+\.reserved/ ? \@more : \@broken;
			push(@$list, "gone: $key $old->{$key}");
		} elsif ($new->{$key} ne $old->{$key}) {
			my $list = may_differ($key, $old->{$key}, $new->{$key}) ? \@more : \@broken;
			push(@$list, "changed: $key $old->{$key}, now $new->{$key}");
		}
	}
	for my $key (sort grep { !exists($old->{$_}) } keys(%$new)) {
		my $bad = $key =~ /^member / && !lies_behind($key, $new->{$key}, $old);
		push(@{$bad ? \@broken : \@more}, ($bad ? 'in the middle: ' : 'new: ') . "$key $new->{$key}");
	}
	return (\@broken, \@more);
}

sub complain
{
	my ($record, $broken, $more) = @_;

	print "$_\n" for @$broken, @$more;
	if (@$broken) {
		print <<"END";
Programs that were compiled before would break. Structures may only grow at their end, by members that mean nothing
when they are 0; constants, prototypes and symbols stay for ever (an old symbol can stay beside a new one of the same
name, by its version). If that can't be: a new major number in module/version.h, and so a new soname; before the first
release of a major number "make abi-record" is enough. See Documentation/versions.rst.
END
		return 1;
	}
	if (@$more) {
		print <<"END";
Programs that were compiled before still work, and newer ones can rely on more. If that is meant: a new minor number in
module/version.h unless the last release has a lower one already, new functions in a block of that number in
lib/liblmap.map, a line in CHANGELOG.md, then "make abi-record" and commit $record.
END
		return 2;
	}
	return 0;
}

# Does a release of this major number stand in the changelog? Then its record is a promise.
sub released
{
	my ($changelog, $major) = @_;

	open(my $file, '<', $changelog) or die "abi.pl: $changelog: $!\n";
	return grep { /^## \[\Q$major\E\.\d+\.\d+\] - \d{4}-/ } <$file>;
}

sub version
{
	open(my $file, '<', "$top/module/version.h") or die "abi.pl: module/version.h: $!\n";
	my ($version) = map { /^#define LMAP_RELEASE "(\d+\.\d+\.\d+)"$/ ? $1 : () } <$file>;
	return $version // die "abi.pl: no version in module/version.h\n";
}

# The record begins with comments, which stay; those of its lines that still hold keep what is written behind them.
sub record
{
	my ($record, $now, $changelog) = @_;
	my ($old, $old_lines) = -e $record ? read_lines($record) : ({}, []);
	my ($new, $new_lines) = read_lines($now);
	my ($broken) = compare($old, $new);
	my $version = version();
	my ($major) = $version =~ /^(\d+)/;
	my %since = map { /^ (\S+@\S+) (\S+)$/ ? ($1 => $2) : () } @$old_lines;
	my @comments;

	if (-e $record) {
		open(my $file, '<', $record) or die "abi.pl: $record: $!\n";
		@comments = grep { /^#/ } <$file>;
	}
	my $same = grep { /^# major number $major$/ } @comments;
	if (@$broken && $same && released($changelog, $major)) {
		print "$_\n" for @$broken;
		die "abi.pl: $record: a release with the major number $major has what this would break\n";
	}
	@comments = map { s/^# major number .*/# major number $major/r } @comments;
	open(my $file, '>', $record) or die "abi.pl: $record: $!\n";
	print $file @comments;
	print $file map { /^ (\S+@\S+)$/ ? "$_ " . ($since{$1} // "$version~") . "\n" : "$_\n" } @$new_lines;
	close($file);
}

my ($verb, @args) = @ARGV;

if (($verb // '') eq 'print' && @args) {
	print_layout(@args);
} elsif (($verb // '') eq 'print-uapi' && @args) {
	@headers = grep { m{/uapi/} } @headers;
	print_layout(@args);
} elsif (($verb // '') eq 'symbols' && @args == 2) {
	print_symbols(@args);
} elsif (($verb // '') eq 'compare' && @args == 2) {
	exit(complain($args[0], compare((read_lines($args[0]))[0], (read_lines($args[1]))[0])));
} elsif (($verb // '') eq 'record' && @args == 3) {
	record(@args);
} else {
	die "usage: abi.pl print CC... | print-uapi CC... | symbols LIBRARY PACKAGE | compare RECORD NOW | " .
	    "record RECORD NOW CHANGELOG\n";
}
