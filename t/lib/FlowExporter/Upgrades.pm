# Upgrades of nginx on the fly, and what may go wrong with them: the kinds of
# faults of FlowExporter::Faults in which two masters are at work.
#
#     kinds()     names, each followed by its function of such an object

package FlowExporter::Upgrades;

use strict;
use warnings;


sub kinds {
    return ('upgrade'                  => \&upgrade,
            'kill in an upgrade'       => \&kill_in_upgrade,
            'all killed in an upgrade' => \&kill_all_in_upgrade,
            'upgrade rolled back'      => \&roll_back,
            'new master killed'        => \&kill_new_master);
}


# Returns the old master.

sub start_new {
    my ($self) = @_;

    my $nginx = $self->{nginx};
    my $old = $nginx->master;

    $nginx->signal('USR2', $old);
    $self->wait(sub { -s $nginx->dir . '/nginx.pid.oldbin'
                      && ($self->master // $old) != $old
                      && $nginx->exporter }, 'the new nginx');

    return $old;
}


sub end_old_children {
    my ($self, $old) = @_;

    $self->{nginx}->signal('WINCH', $old);
    $self->wait(sub { !$self->children($old) },
                'the end of the old processes');
}


sub end_old {
    my ($self, $old) = @_;

    $self->{nginx}->signal('QUIT', $old);
    $self->wait(sub { !$self->{nginx}->processes->{$old} },
                'the end of the old nginx');
}


sub upgrade {
    my ($self) = @_;

    my $old = start_new($self);

    end_old_children($self, $old);
    end_old($self, $old);
}


sub kill_in_upgrade {
    my ($self) = @_;

    my $old = start_new($self);

    kill_a_child($self, $old);
    kill_a_child($self, $self->{nginx}->master);
    end_old_children($self, $old);
    kill_a_child($self, $self->{nginx}->master);
    end_old($self, $old);
}


# Or not.

sub kill_a_child {
    my ($self, $master) = @_;

    my @children = sort { $a <=> $b } $self->children($master);

    return if rand() < 0.4 || !@children;

    my $child = $children[rand @children];

    FlowExporter::Faults::slay($child);
    $self->wait(sub { !grep { $_ == $child } $self->children($master) },
                'the end of a process');
}


sub kill_all_in_upgrade {
    my ($self) = @_;

    my $old = start_new($self);

    end_old_children($self, $old) if rand() < 0.6;
    select undef, undef, undef, rand 1;
    $self->kill_all;
}


# Workers of the old nginx answer again, and its zone is behind.

sub roll_back {
    my ($self) = @_;

    my $old = start_new($self);
    my $new = $self->{nginx}->master;

    end_old_children($self, $old);
    select undef, undef, undef, rand 1.2;

    $self->{nginx}->signal('HUP', $old);
    $self->wait(sub { $self->children($old) }, 'the old nginx to go on');
    select undef, undef, undef, rand 1.2;
    $self->{nginx}->signal('QUIT', $new);
    $self->wait(sub { !$self->{nginx}->processes->{$new}
                      && ($self->master // $new) == $old },
                'the old nginx to be the only one');
}


# The old nginx goes on by itself.  Workers of the new one do not know.

sub kill_new_master {
    my ($self) = @_;

    my $old = start_new($self);
    my $new = $self->{nginx}->master;

    end_old_children($self, $old) if rand() < 0.6;
    select undef, undef, undef, rand 1.2;

    my @orphans = $self->children($new);

    FlowExporter::Faults::slay($new);
    $self->wait(sub { ($self->master // $new) == $old },
                'the old nginx to go on');
    FlowExporter::Faults::slay(@orphans);
}


1;
