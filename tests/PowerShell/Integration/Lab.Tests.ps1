# The cmdlets over a lab: real protocols on loopback, an embedded CRM, everything as a user types it.
BeforeAll {
    Import-Module "$PSScriptRoot/../TestUtils.psm1" -Force
    Import-Module (Get-ModulePath)
}

Describe 'A lab' -Tag Integration {
    BeforeEach {
        $script:before = $env:EMAILROUTER_CONFIGURATION
        $script:lab = Start-RouterLab
        $PSDefaultParameterValues['*-Router*:ConfigurationPath'] = $script:lab.ConfigurationPath
        $PSDefaultParameterValues['*-Crm*:ConfigurationPath'] = $script:lab.ConfigurationPath
    }

    AfterEach {
        $PSDefaultParameterValues.Remove('*-Router*:ConfigurationPath')
        $PSDefaultParameterValues.Remove('*-Crm*:ConfigurationPath')
        $script:lab | Stop-RouterLab -ErrorAction SilentlyContinue
    }

    It 'is a configuration that the other cmdlets take from the pipeline' {
        $PSDefaultParameterValues.Remove('*-Router*:ConfigurationPath')
        @($script:lab | Get-RouterMailbox).Count | Should -Be 15
        ($script:lab | Get-RouterProfile).Name | Sort-Object | Should -Be 'Lab Exchange', 'Lab Graph', 'Lab POP3', 'Lab SMTP'
        $script:lab | Get-RouterDeployment | ForEach-Object Name | Should -Be 'Lab'
    }

    It 'is the configuration of the session while it runs' {
        $PSDefaultParameterValues.Remove('*-Router*:ConfigurationPath')
        $PSDefaultParameterValues.Remove('*-Crm*:ConfigurationPath')
        (Get-RouterDeployment).Name | Should -Be 'Lab'
        $second = Start-RouterLab -Empty
        $env:EMAILROUTER_CONFIGURATION | Should -Be $second.ConfigurationPath
        Stop-RouterLab $second
        $env:EMAILROUTER_CONFIGURATION | Should -Be $script:lab.ConfigurationPath
        Stop-RouterLab
        $env:EMAILROUTER_CONFIGURATION | Should -Be $script:before
    }

    It 'ends, with its folder, when it is stopped' {
        $script:lab | Stop-RouterLab
        $script:lab.Folder | Should -Not -Exist
        $script:lab | Stop-RouterLab -ErrorAction SilentlyContinue -ErrorVariable errors
        $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterLabNotRunning,*'
    }

    It 'shows where its servers are, and reads mailboxes by each' {
        $shown = $script:lab | Format-List | Out-String
        foreach ($url in $script:lab.ExchangeUrl, $script:lab.GraphUrl, $script:lab.DataverseUrl, $script:lab.TokenUrl) {
            $url.Scheme | Should -Be 'https'
            $shown | Should -BeLike "*$url*"
        }

        $seen = foreach ($incoming in 'Lab POP3', 'Lab Exchange', 'Lab Graph') {
            Set-RouterMailbox support@contoso.test -IncomingProfile $incoming
            (Invoke-RouterPoll support@contoso.test -WhatIf).Listed
        }
        $seen[0] | Should -BeGreaterThan 0
        $seen[1], $seen[2] | Should -Be $seen[0], $seen[0]
    }

    It 'forwards mail by inbox rules of <_>, and a test of the rule comes through' -ForEach 'Lab Exchange', 'Lab Graph' {
        $forward = 'crm.forward@contoso.test'
        $null = $script:lab.Session.Mail.AddMailbox($forward, 'secret')
        $configuration = Get-Content -Raw $script:lab.ConfigurationPath | ConvertFrom-Json -AsHashtable
        $configuration.deployments[0].rulesProfile = $_
        $configuration.deployments[0].forwardMailboxes = @($forward)
        $configuration | ConvertTo-Json -Depth 9 | Set-Content $script:lab.ConfigurationPath
        Set-RouterMailbox $forward -Credential ([pscredential]::new($forward, (ConvertTo-SecureString secret -AsPlainText -Force)))
        Get-CrmRecord queue -Address support@contoso.test | Set-CrmRecord -Attributes @{ incomingemaildeliverymethod = 'ForwardMailbox' }

        $result = Deploy-InboxRule support@contoso.test -ConfigurationPath $script:lab.ConfigurationPath -Verify -VerifyTimeoutSeconds 60 -WarningAction Ignore

        $result.Kind | Should -Be 'Attachment'
        $result.Verified | Should -BeTrue
        $result.Steps.Name | Select-Object -Last 6 | Should -Be 'Rule', 'Before', 'Send', 'Arrive', 'Owner', 'Remove'
        $script:lab.Session.Mail.Find($forward).Messages.Count | Should -Be 0
    }

    Context 'Get-RouterMailbox' {
        It 'lists users and queues with what the router makes of them' {
            (Get-RouterMailbox -Queue).Name | Sort-Object | Should -Be 'Billing', 'Sales', 'Support'
            @(Get-RouterMailbox -User).Count | Should -Be 12
            (Get-RouterMailbox grace*).Incoming | Should -Be 'NotApproved'
            (Get-RouterMailbox grace*).IncomingText | Should -BeLike '*Approve*'
        }

        It 'finds mailboxes by name, address and wildcard, and reports who is missing' {
            Get-RouterMailbox 'Anna Berg' | ForEach-Object Address | Should -Be 'anna.berg@contoso.test'
            @(Get-RouterMailbox *a.*@contoso.test, support@contoso.test).Count | Should -BeGreaterThan 1
            $found = Get-RouterMailbox nobody@contoso.test, support@contoso.test -ErrorAction SilentlyContinue -ErrorVariable errors
            $found.Name | Should -Be 'Support'
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterMailboxNotFound,*'
            $errors[0].TargetObject | Should -Be 'nobody@contoso.test'
        }

        It 'completes addresses, tables and reasons' {
            $line = "Get-RouterMailbox -ConfigurationPath '$($script:lab.ConfigurationPath)' -Name s"
            (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be 'sales@contoso.test', 'support@contoso.test'
            $line = "Get-CrmRecord -ConfigurationPath '$($script:lab.ConfigurationPath)' -LogicalName con"
            (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be 'contact'
            $line = 'Get-RouterDecision -Reason NoCorr'
            (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be 'NoCorrelationMatch'
        }

        It 'shows no secret' {
            Get-RouterMailbox | Format-List * | Out-String | Should -Not -Match 'Secret|Password'
        }
    }

    Context 'Set-RouterMailbox' {
        It 'approves in the CRM' {
            $now = Get-RouterMailbox grace* | Set-RouterMailbox -Approve -PassThru
            $now.Approval | Should -Be 'Approved'
            $now.Incoming | Should -Be 'Usable'
        }

        It 'disables, assigns profiles and sets credentials in the configuration' {
            Set-RouterMailbox support@contoso.test -Enabled $false | Should -BeNullOrEmpty
            (Get-RouterMailbox Support).Incoming | Should -Be 'Disabled'
            $null = New-RouterProfile -Name Other -Direction Incoming -System Pop3 -HostName 127.0.0.1
            $now = Set-RouterMailbox Support -Enabled $true -IncomingProfile Other -Credential (New-TestCredential -UserName 'somebody') -PassThru
            $now.IncomingProfile | Should -Be 'Other'
            $now.IncomingUserName | Should -Be 'somebody'
            (Set-RouterMailbox Support -IncomingProfile '' -Credential $null -PassThru).Incoming | Should -Be 'NoCredential'
        }

        It 'refuses a profile that does not exist' {
            Set-RouterMailbox Support -IncomingProfile Nobody -ErrorAction SilentlyContinue -ErrorVariable errors
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterConfigurationInvalid,*'
            (Get-RouterMailbox Support).IncomingProfile | Should -Be 'Lab POP3'
        }

        It 'changes all mailboxes of the pipeline in one go, or none' {
            Get-RouterMailbox -Queue | Set-RouterMailbox -IncomingProfile Nobody -Enabled $false -ErrorAction SilentlyContinue -ErrorVariable errors
            $errors.Count | Should -Be 1
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterConfigurationInvalid,*'
            $errors[0].TargetObject | Sort-Object | Should -Be 'billing@contoso.test', 'sales@contoso.test', 'support@contoso.test'
            (Get-RouterMailbox -Queue).Incoming | Should -Not -Contain 'Disabled'

            $now = Get-RouterMailbox -Queue | Set-RouterMailbox -Enabled $false -PassThru
            $now.Incoming | Should -Be 'Disabled', 'Disabled', 'Disabled'
        }

        It 'changes nothing under -WhatIf' {
            $before = Get-Content -Raw $script:lab.ConfigurationPath
            Get-RouterMailbox | Set-RouterMailbox -Approve -Enabled $false -WhatIf
            Get-Content -Raw $script:lab.ConfigurationPath | Should -Be $before
            (Get-RouterMailbox grace*).Approval | Should -Be 'Pending'
        }
    }

    Context 'Test-RouterAccess' {
        It 'tests step by step in both directions' {
            $results = Test-RouterAccess support@contoso.test
            $results.Direction | Sort-Object | Should -Be 'Incoming', 'Outgoing'
            $results.Success | Should -Not -Contain $false
            $results[0].Steps.Name | Should -Contain 'Authenticate'
            ($results | Where-Object Direction -EQ Incoming).MessageCount | Should -BeGreaterThan 0
        }

        It 'tests the CRM of a deployment once, and then its mailboxes' {
            $results = @(Test-RouterAccess -Deployment Lab)
            @($results | Where-Object Scope -EQ Deployment).Count | Should -Be 1
            $crm = $results[0]
            $crm.Success | Should -BeTrue
            $crm.System | Should -Be 'Embedded'
            $crm.User | Should -Not -BeNullOrEmpty
            $crm.MailboxCount | Should -Be 15
            $crm.Steps.Name | Select-Object -Unique | Should -Be 'Configuration', 'Crm', 'WhoAmI', 'Privileges', 'Settings'
            ($crm.Steps | Where-Object ErrorId -EQ CrmAddressNotApproved).Detail | Should -BeLike '*grace*'
            ($results | Where-Object Scope -EQ Mailbox).Mailbox | Should -Contain 'support@contoso.test'
            $crm | Format-Table | Out-String | Should -Match 'CrmAddressNotApproved|not approved'
            $crm | Format-List | Out-String | Should -Match 'warning Settings'
        }

        It 'shows a deployment in order only where no mailbox is named' {
            (Test-RouterAccess support@contoso.test).Scope | Select-Object -Unique | Should -Be 'Mailbox'
        }

        It 'has a CRM that cannot be opened in the result, not as an error' {
            Move-Item $script:lab.CrmPath "$($script:lab.CrmPath).away"
            foreach ($arguments in @{ Deployment = 'Lab' }, @{ Mailbox = 'support@contoso.test' }, @{}) {
                $result = @(Test-RouterAccess @arguments -ErrorAction SilentlyContinue -ErrorVariable errors)
                $result.Count | Should -Be 1
                $result[0].Scope | Should -Be 'Deployment'
                $result[0].Success | Should -BeFalse
                $result[0].Failure.Name | Should -Be 'Crm'
                $result[0].Failure.ErrorId | Should -Be 'CrmStoreMissing'
                $result[0].Failure.Remedy | Should -Not -BeNullOrEmpty
                $errors | Should -BeNullOrEmpty
            }

            Test-RouterAccess -Deployment Lab -Quiet | Should -BeFalse
        }

        It 'gives deployments that polls pass over' {
            Test-RouterAccess -Deployment Lab | Where-Object Scope -EQ Deployment | Invoke-RouterPoll | Should -BeNullOrEmpty
        }

        It 'answers with one Boolean when that is wanted' {
            Get-RouterMailbox -Queue | Test-RouterAccess -Quiet | Should -BeTrue
            Set-RouterMailbox Sales -Credential (New-TestCredential)
            Get-RouterMailbox -Queue | Test-RouterAccess -Quiet | Should -BeFalse
            Test-RouterAccess nobody@contoso.test -Quiet -ErrorAction SilentlyContinue | Should -BeFalse
        }

        It 'says what to do about <Id>' -ForEach @(
            @{ Id = 'MailAuthenticationFailed'; Arrange = { Set-RouterMailbox Support -Credential (New-TestCredential) } }
            @{ Id = 'MailConnect*'; Arrange = { Set-RouterProfile 'Lab POP3' -Port 9 } }
            @{ Id = 'Mail*Certificate*'; Arrange = { Set-RouterProfile 'Lab POP3' -CertificatePin @() } }
            @{ Id = 'RouterMailboxNotApproved'; Arrange = { Get-RouterMailbox Support | ForEach-Object { Set-CrmRecord queue $_.Owner.Id -Attributes @{ emailrouteraccessapproval = 'Pending' } } } }
        ) {
            . $Arrange
            $result = Test-RouterAccess support@contoso.test -Direction Incoming
            $result.Success | Should -BeFalse
            $result.Failure.ErrorId | Should -BeLike $Id
            $result.Failure.Remedy | Should -Not -BeNullOrEmpty
        }
    }

    # The token is given by a command that prints it.
    Context 'A deployment of <_> over the same records' -Skip:$IsWindows -ForEach 'Dataverse', 'Organization' {
        BeforeEach {
            $url = $script:lab.Session.Dataverse.Url
            $client = $script:lab.Session.GetType().GetField('ClientId').GetRawConstantValue()
            $token = $script:lab.Session.Tokens.Issue("$url", $client, $null, [NullString]::Value, $null)
            $null = New-RouterDeployment Online -System $_ -Url $url -AllowPlainTextPassword -TokenCommand 'echo' -TokenArgument $token
        }

        It 'has the same mailboxes and email activities' {
            (Get-RouterMailbox -Deployment Online | ForEach-Object Address | Sort-Object) | Should -Be (Get-RouterMailbox -Deployment Lab | ForEach-Object Address | Sort-Object)
            $ours = @(Get-CrmEmailActivity -Deployment Lab)
            $theirs = @(Get-CrmEmailActivity -Deployment Online)
            $theirs.ActivityId | Sort-Object | Should -Be ($ours.ActivityId | Sort-Object)
            ($theirs[0] | Get-CrmEmailActivity).Subject | Should -Be $theirs[0].Subject
        }

        It 'is tested with who the router is, its privileges and the settings' {
            $crm = Test-RouterAccess -Deployment Online | Where-Object Scope -EQ Deployment
            $crm.Steps | Where-Object { -not $_.Success } | ForEach-Object { "$($_.Name) $($_.ErrorId) $($_.Detail)" } | Should -BeNullOrEmpty
            $crm.User | Should -Be 'Email Router'
            $crm.Steps.Name | Should -Contain 'Connect'
            $crm.Steps.Name | Should -Contain 'WhoAmI'
            $crm.Steps.Name | Should -Contain 'Privileges'
            $crm.Steps.Name | Should -Contain 'Settings'
        }

        It 'sends the email activity that is named, and no other' {
            Set-RouterDeployment Online -OutgoingProfile 'Lab SMTP'
            $file = Get-Content -Raw $script:lab.ConfigurationPath | ConvertFrom-Json
            $file.mailboxes = @($file.mailboxes) + @($file.mailboxes | ForEach-Object { $copy = $_ | ConvertTo-Json -Depth 9 | ConvertFrom-Json; $copy.deployment = 'Online'; $copy })
            $file | ConvertTo-Json -Depth 20 | Set-Content $script:lab.ConfigurationPath
            $pending = @(Get-CrmEmailActivity -Deployment Online -Status PendingSend)
            $chosen = $pending | Where-Object Subject -Like '*Quotation 17*'
            $decision = $chosen | Send-CrmEmailActivity -Detailed
            "$($decision.Action) $($decision.Explanation)" | Should -BeLike 'Sent*'
            ($chosen | Get-CrmEmailActivity).Status | Should -Be 'Sent'
            @(Get-CrmEmailActivity -Deployment Online -Status PendingSend).Count | Should -Be ($pending.Count - 1)
        }

        It 'says what cannot be done from here, and does nothing by halves' {
            Set-RouterMailbox support@contoso.test -Deployment Online -Approve -Enabled $false -ErrorAction SilentlyContinue -ErrorVariable errors
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterMailboxChangeNotSupported,*'
            (Get-RouterMailbox support@contoso.test -Deployment Online).Incoming | Should -Not -Be 'Disabled'
            { New-CrmRecord contact @{ lastname = 'X' } -Deployment Online -ErrorAction Stop } | Should -Throw '*embedded*'
        }
    }

    Context 'Invoke-RouterPoll' {
        It 'composes with what finds and tests mailboxes' {
            $table = Get-RouterMailbox -Queue | Test-RouterAccess | Where-Object Success | Invoke-RouterPoll -ThrottleLimit 8 | Format-Table | Out-String
            $table | Should -Match 'support@contoso.test'
            @(Get-CrmEmailActivity -Direction Incoming).Count | Should -BeGreaterThan 3
        }

        It 'polls each mailbox once, however often it comes' {
            $results = Get-RouterMailbox -Queue | Test-RouterAccess | Invoke-RouterPoll
            $results.Mailbox | Sort-Object | Should -Be 'billing@contoso.test', 'sales@contoso.test', 'support@contoso.test'
            $results.Status | Should -Not -Contain 'Failed'
        }

        It 'finds nothing new the second time' {
            $null = Invoke-RouterPoll
            (Invoke-RouterPoll | Measure-Object New -Sum).Sum | Should -Be 0
        }

        It 'reads, decides and explains under -WhatIf, and changes nothing anywhere' {
            $state = Join-Path $script:lab.Folder 'state.db'
            $crm = @(Get-CrmEmailActivity).Count
            $dry = Invoke-RouterPoll -WhatIf 6>$null
            ($dry | Measure-Object Promoted -Sum).Sum | Should -BeGreaterThan 3
            $dry.IsDryRun | Should -Not -Contain $false
            $state | Should -Not -Exist
            @(Get-CrmEmailActivity).Count | Should -Be $crm
            Get-RouterDecision | Should -BeNullOrEmpty
            $real = Invoke-RouterPoll
            ($real | Measure-Object New -Sum).Sum | Should -Be ($dry | Measure-Object New -Sum).Sum
        }

        It 'shows decisions when asked to' {
            $decisions = Invoke-RouterPoll Support -Detailed
            $decisions[0].GetType().FullName | Should -Be 'EmailRouter.Routing.Decision'
            $decisions.Action | Should -Contain 'Promoted'
            @($decisions | Where-Object ActivityId | Get-CrmEmailActivity).Count | Should -BeGreaterThan 0
        }

        It 'keeps within -MaxMessages' {
            $result = Invoke-RouterPoll Support -MaxMessages 2
            $result.Status | Should -Be 'Incomplete'
            $result.Listed | Should -BeGreaterThan 2
            $result.Decisions.Count | Should -Be 2
        }

        It 'reports the mailbox that fails, and goes on with the others' {
            Set-RouterMailbox Sales -Credential (New-TestCredential)
            $results = Get-RouterMailbox -Queue | Invoke-RouterPoll -ErrorAction SilentlyContinue -ErrorVariable errors
            $results.Count | Should -Be 3
            ($results | Where-Object Mailbox -EQ sales@contoso.test).Status | Should -Be 'Failed'
            ($results | Where-Object Mailbox -EQ support@contoso.test).Status | Should -Be 'Completed'
            @($errors).Count | Should -Be 1
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'MailAuthenticationFailed,*'
            $errors[0].CategoryInfo.Category | Should -Be 'AuthenticationError'
            $errors[0].TargetObject | Should -Be 'sales@contoso.test'
            $errors[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        }

        It 'reports <Id> with the mailbox and what to do, and loses nothing' -ForEach @(
            @{ Id = 'MailConnect*'; Category = 'ConnectionError'; Break = { Set-RouterProfile 'Lab POP3' -Port 9 }; Mend = { Set-RouterProfile 'Lab POP3' -Port $lab.Pop3TlsPort } }
            @{ Id = 'MailHost*'; Category = 'ConnectionError'; Break = { Set-RouterProfile 'Lab POP3' -HostName nowhere.invalid }; Mend = { Set-RouterProfile 'Lab POP3' -HostName 127.0.0.1 } }
            @{ Id = 'Mail*Certificate*'; Category = 'SecurityError'; Break = { Set-RouterProfile 'Lab POP3' -CertificatePin @() }; Mend = { Set-RouterProfile 'Lab POP3' -CertificatePin $lab.CertificatePin } }
            @{ Id = 'Mail*'; Category = 'ResourceBusy'; Break = { Set-LabFault $lab Locked }; Mend = { $lab.Session.Faults.Clear() } }
            @{ Id = 'Mail*Certificate*'; Category = 'SecurityError'; Break = { Set-RouterProfile 'Lab POP3' -CertificatePin @(); Set-LabFault $lab ExpiredCertificate }; Mend = { $lab.Session.Faults.Clear(); Set-RouterProfile 'Lab POP3' -CertificatePin $lab.CertificatePin } }
            @{ Id = 'Mail*'; Category = 'ConnectionError'; Break = { Set-LabFault $lab Drop }; Mend = { $lab.Session.Faults.Clear() } }
        ) {
            $lab = $script:lab
            . $Break
            (Invoke-RouterPoll Support -ErrorAction SilentlyContinue -ErrorVariable errors).Status | Should -Be 'Failed'
            $errors[0].FullyQualifiedErrorId | Should -BeLike "$Id,*"
            $errors[0].CategoryInfo.Category | Should -BeLike $Category
            $errors[0].TargetObject | Should -Be 'support@contoso.test'
            $errors[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
            . $Mend
            $after = Invoke-RouterPoll Support
            $after.Status | Should -Be 'Completed'
            $after.Promoted | Should -BeGreaterThan 0
        }

        It 'sets a message aside that fails three times, with its reason, and goes on' {
            Set-LabFault $script:lab PermanentFailure -Command RETR
            1..3 | ForEach-Object { $null = Invoke-RouterPoll Sales -WarningAction SilentlyContinue -WarningVariable warnings -ErrorAction SilentlyContinue }
            "$warnings" | Should -BeLike '*Get-RouterQuarantine*'
            $aside = @(Get-RouterQuarantine)
            $aside.Count | Should -BeGreaterThan 0
            $aside[0].Mailbox.Address | Should -Be 'sales@contoso.test'
            $aside[0].Error.ErrorId | Should -Not -BeNullOrEmpty
            Get-RouterQuarantine -Mailbox nobody* | Should -BeNullOrEmpty
            $folder = Join-Path $TestDrive 'aside'
            $aside | Save-RouterQuarantine -Destination $folder -WhatIf
            $folder | Should -Not -Exist
            @($aside | Save-RouterQuarantine -Destination $folder).Count | Should -Be $aside.Count
            Save-RouterQuarantine -Id ([guid]::NewGuid()) -Destination $folder -ErrorAction SilentlyContinue -ErrorVariable errors
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterQuarantineNotFound,*'
            $aside[0] | Save-RouterQuarantine -Destination $folder -ErrorAction SilentlyContinue -ErrorVariable errors
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterStorageFailed,*'
            (Invoke-RouterPoll Support).Status | Should -Be 'Completed'
        }

        It 'reports a CRM that is locked, and loses nothing' -Tag Slow {
            $lock = Lock-SqliteFile $script:lab.CrmPath
            try {
                $result = Invoke-RouterPoll Sales -ErrorAction SilentlyContinue -ErrorVariable errors -WarningAction SilentlyContinue
                $result.Promoted | Should -Be 0
                if ($errors) {
                    $errors[0].FullyQualifiedErrorId | Should -BeLike 'CrmStoreLocked,*'
                    $errors[0].CategoryInfo.Category | Should -Be 'ResourceBusy'
                } else {
                    $result.Decisions[0].Error.ErrorId | Should -Be 'CrmStoreLocked'
                }
            } finally {
                $lock.Dispose()
            }

            (Invoke-RouterPoll Sales).Promoted | Should -Be 1
        }

        It 'reports a state that is damaged, and changes nothing in the CRM' {
            [IO.File]::WriteAllBytes((Join-Path $script:lab.Folder 'state.db'), [byte[]](1..255 * 40))
            Invoke-RouterPoll Support -ErrorAction SilentlyContinue -ErrorVariable errors | ForEach-Object Status | Should -Be 'Failed'
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterState*,*'
            $errors[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
            Get-CrmEmailActivity -Direction Incoming | Should -BeNullOrEmpty
        }

        It 'says why a mailbox that was named is not used' {
            Invoke-RouterPoll grace* -ErrorAction SilentlyContinue -ErrorVariable errors | ForEach-Object Status | Should -Be 'Failed'
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterMailboxNotUsable,*'
        }

        It 'explains with -Verbose and shows the protocol with -Debug, without passwords' {
            $records = Invoke-RouterPoll Support -Verbose -Debug 4>&1 5>&1
            "$($records.Where{ $_ -is [Management.Automation.VerboseRecord] })" | Should -Match 'Promoted'
            $protocol = "$($records.Where{ $_ -is [Management.Automation.DebugRecord] })"
            $protocol | Should -Match 'UIDL|STAT|CAPA'
            $protocol | Should -Not -Match ([Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes("`0support@contoso.test`0")).Substring(0, 12))
        }

        It 'stops within a second while a server keeps silent' {
            Set-LabFault $script:lab Stall
            $running = Start-StoppableScript 'Invoke-RouterPoll Support -ConfigurationPath $path' -Variables @{ path = $script:lab.ConfigurationPath }
            Wait-Condition { $script:lab.Session.Pop3.ConnectionCount -gt 0 }
            (Stop-StoppableScript $running).TotalMilliseconds | Should -BeLessThan 1000
        }
    }

    Context 'Send-CrmEmailActivity' {
        It 'sends what is pending' {
            $pending = @(Get-CrmEmailActivity -Status PendingSend).Count
            $pending | Should -BeGreaterThan 0
            $result = Send-CrmEmailActivity -WarningAction SilentlyContinue -ErrorAction SilentlyContinue
            $result.Sent | Should -BeGreaterThan 0
            $result.Sent + $result.Deferred + $result.Failed + $result.Uncertain | Should -Be $result.Claimed
            $script:lab.Session.Mail.Sent.Count | Should -BeGreaterOrEqual $result.Sent
        }

        It 'sends nothing under -WhatIf' {
            $before = Get-CrmEmailActivity | Sort-Object ActivityId | ForEach-Object { "$($_.ActivityId) $($_.Status) $($_.VersionNumber)" }
            (Send-CrmEmailActivity -WhatIf).IsDryRun | Should -BeTrue
            Get-CrmEmailActivity | Sort-Object ActivityId | ForEach-Object { "$($_.ActivityId) $($_.Status) $($_.VersionNumber)" } | Should -Be $before
            $script:lab.Session.Mail.Sent.Count | Should -Be 0
            Join-Path $script:lab.Folder 'state.db' | Should -Not -Exist
        }

        It 'sends certain email activities only' {
            $made = New-CrmEmailActivity -From Support -To info@adatum.test -Subject 'One' -Body 'Text' -PlainText -Send
            $null = New-CrmEmailActivity -From Support -To info@adatum.test -Subject 'Two' -Body 'Text' -PlainText -Send
            $decision = $made | Send-CrmEmailActivity -Detailed
            $decision.Action | Should -Be 'Sent'
            ($made | Get-CrmEmailActivity).Status | Should -Be 'Sent'
            $script:lab.Session.Mail.Sent.Count | Should -Be 1
        }

        It 'asks for the email activities that are to be sent again' {
            { Send-CrmEmailActivity -SendAgain } | Should -Throw -ErrorId 'RouterParameterInvalid,*'
        }
    }

    Context 'Trace-RouterMessage and Get-RouterDecision' {
        BeforeAll {
            $script:mail = Join-Path $TestDrive 'question [1].eml'
            Set-Content -LiteralPath $script:mail -Value "From: Lea <lea@example.test>`r`nTo: support@contoso.test`r`nSubject: A question`r`nMessage-ID: <q1@example.test>`r`n`r`nHello`r`n"
        }

        It 'say what would happen to a file, and change nothing' {
            $decision = Trace-RouterMessage -LiteralPath $script:mail -Mailbox support@contoso.test
            $decision.Action | Should -Be 'Promoted'
            $decision.Evidence.Count | Should -BeGreaterThan 1
            Get-RouterDecision | Should -BeNullOrEmpty
            Get-CrmEmailActivity -MessageId '<q1@example.test>' | Should -BeNullOrEmpty
        }

        It 'take files from the pipeline and by wildcard' {
            (Get-Item -LiteralPath $script:mail | Trace-RouterMessage).Path | Should -Be (Get-Item -LiteralPath $script:mail).FullName
            @(Trace-RouterMessage (Join-Path $TestDrive 'question*.eml')).Count | Should -Be 1
        }

        It 'trace a message in a mailbox, and decisions from before' {
            $decision = Invoke-RouterPoll Support -Detailed | Select-Object -First 1
            (Trace-RouterMessage -Mailbox support@contoso.test -MessageKey $decision.MessageKey).Subject | Should -Be $decision.Subject
            (Get-RouterDecision -Mailbox support* -First 1 | Trace-RouterMessage).Action | Should -Be 'Duplicate'
        }

        It 'find decisions by every field' {
            $null = Invoke-RouterPoll
            $one = Get-RouterDecision -Action Promoted -First 1
            $one.MessageKey | Should -Not -BeNullOrEmpty
            foreach ($filter in @{ Mailbox = $one.Mailbox }, @{ Deployment = 'Lab' }, @{ Direction = 'Incoming' }, @{ Action = 'Promoted' }, @{ Reason = $one.Reason },
                @{ MessageId = $one.MessageId }, @{ Subject = $one.Subject }, @{ From = $one.From }, @{ ActivityId = $one.ActivityId }, @{ Since = $one.On }, @{ Until = $one.On }) {
                (Get-RouterDecision @filter).Id | Should -Contain $one.Id -Because "it was asked for by $($filter.Keys)"
            }

            Get-RouterDecision -Deployment Nobody | Should -BeNullOrEmpty
            Get-RouterDecision -Until $one.On.AddDays(-1) | Should -BeNullOrEmpty
        }

        It 'say what is missing' {
            Trace-RouterMessage ./nothing.eml -ErrorAction SilentlyContinue -ErrorVariable errors
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterPathNotFound,*'
            Trace-RouterMessage -Mailbox support@contoso.test -MessageKey nothing -ErrorAction SilentlyContinue -ErrorVariable errors
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterMessageNotFound,*'
        }
    }
}
