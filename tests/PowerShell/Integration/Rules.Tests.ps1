# The cmdlets of inbox rules over a ManageSieve server of a few lines, which keeps one mailbox's scripts.
BeforeAll {
    Import-Module "$PSScriptRoot/../TestUtils.psm1" -Force
    Import-Module (Get-ModulePath)

    # Answers one connection after the other until the listener is stopped.
    $script:serve = {
        param($Listener, $Box)
        while ($true) {
            try { $client = $Listener.AcceptTcpClient() } catch { break }
            $stream = $client.GetStream()
            $encoding = [Text.UTF8Encoding]::new($false)
            $reader = [IO.StreamReader]::new($stream, $encoding)
            $writer = [IO.StreamWriter]::new($stream, $encoding)
            $writer.NewLine = "`r`n"
            $writer.AutoFlush = $true
            $writer.Write("`"SIEVE`" `"copy include editheader`"`r`n`"SASL`" `"`"`r`n`"VERSION`" `"1.0`"`r`nOK `"ready`"`r`n")
            while ($null -ne ($line = $reader.ReadLine())) {
                $literal = ''
                if ($line -match '\{(\d+)\+\}$') {
                    $chars = [char[]]::new([int]$Matches[1])
                    $null = $reader.ReadBlock($chars, 0, $chars.Length)
                    $literal = [string]::new($chars)
                    $null = $reader.ReadLine()
                }

                $name = if ($line -match '^\w+ "([^"]*)"') { $Matches[1] }
                switch (($line -split ' ')[0]) {
                    'LISTSCRIPTS' { foreach ($one in @($Box.Scripts.Keys)) { $writer.WriteLine("`"$one`"$(if ($one -eq $Box.Active) { ' ACTIVE' })") } }
                    'GETSCRIPT' { $writer.WriteLine("{$($Box.Scripts[$name].Length)}"); $writer.WriteLine($Box.Scripts[$name]) }
                    'PUTSCRIPT' { $Box.Scripts[$name] = $literal }
                    'SETACTIVE' { $Box.Active = $name }
                    'DELETESCRIPT' { $Box.Scripts.Remove($name) }
                }

                $writer.WriteLine('OK')
                if ($line -eq 'LOGOUT') { break }
            }

            $client.Dispose()
        }
    }
}

Describe 'The cmdlets of inbox rules' -Tag Integration {
    BeforeEach {
        $folder = New-Item -ItemType Directory (Join-Path $TestDrive (New-Guid))
        $script:file = Join-Path $folder 'router.json'
        foreach ($name in '*-Router*', '*-Crm*', '*InboxRule') { $PSDefaultParameterValues["${name}:ConfigurationPath"] = $script:file }
        $script:listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $script:listener.Start()
        $script:box = [hashtable]::Synchronized(@{ Active = 'mine'; Scripts = [hashtable]::Synchronized(@{ mine = "redirect `"me@home.test`";`r`n" }) })
        $script:server = [powershell]::Create()
        $null = $script:server.AddScript($script:serve).AddArgument($script:listener).AddArgument($script:box)
        $null = $script:server.BeginInvoke()

        $null = New-RouterDeployment Contoso -Path (Join-Path $folder 'contoso.crm') -Create
        $max = New-CrmRecord systemuser @{ fullname = 'Max'; internalemailaddress = 'max@contoso.test' }
        $null = New-CrmRecord queue @{ name = 'Help'; emailaddress = 'help@contoso.test'; ownerid = $max; incomingemaildeliverymethod = 'ForwardMailbox' }
        $null = New-RouterProfile Sieve -Direction Incoming -System Sieve -HostName 127.0.0.1 -Port $script:listener.LocalEndpoint.Port -Tls None -Anonymous
        $configuration = Get-Content -Raw $script:file | ConvertFrom-Json -AsHashtable
        $configuration.deployments[0].rulesProfile = 'Sieve'
        $configuration.deployments[0].forwardMailboxes = @('crm@contoso.test')
        $configuration | ConvertTo-Json -Depth 9 | Set-Content $script:file
    }

    AfterEach {
        foreach ($name in '*-Router*', '*-Crm*', '*InboxRule') { $PSDefaultParameterValues.Remove("${name}:ConfigurationPath") }
        $script:listener.Stop()
        $script:server.Dispose()
    }

    It 'deploy, list and remove a rule, and leave the user''s script as it was' {
        $before = $script:box.Scripts['mine']
        $planned = Get-RouterMailbox help@contoso.test | Deploy-InboxRule -WhatIf -WarningAction Ignore
        $planned.IsDryRun | Should -BeTrue
        $planned.Change | Should -Be 'Added'
        $script:box.Scripts['mine'] | Should -Be $before

        $deployed = Get-RouterMailbox help@contoso.test | Deploy-InboxRule -WarningAction Ignore
        $deployed.Change | Should -Be 'Added'
        $deployed.Target | Should -Be 'crm@contoso.test'
        $deployed.Kind | Should -Be 'Redirect'
        $script:box.Scripts['mine'] | Should -BeLike '*X-EmailRouter-Mailbox*help@contoso.test*redirect :copy "crm@contoso.test"*'
        (Deploy-InboxRule help@contoso.test -WarningAction Ignore).Change | Should -Be 'None'
        @(Get-ChildItem (Join-Path (Split-Path $script:file) 'replaced-scripts')).Count | Should -Be 1

        (Get-DeployedInboxRule help@contoso.test).Rule.Name | Should -Be 'EmailRouter forward'
        @(Get-DeployedInboxRule help@contoso.test -All).Rule.Targets | Should -Be 'crm@contoso.test', 'me@home.test'
        (Get-RouterMailbox Help | Get-DeployedInboxRule | Remove-DeployedInboxRule -WhatIf).Change | Should -Be 'Removed'
        (Get-RouterMailbox Help | Get-DeployedInboxRule | Remove-DeployedInboxRule).Change | Should -Be 'Removed'
        $script:box.Scripts['mine'] | Should -Be $before
        Get-DeployedInboxRule help@contoso.test | Should -BeNullOrEmpty
        ($deployed | Format-Table | Out-String) | Should -Match 'crm@contoso.test'
    }

    It 'report what goes wrong with one mailbox and go on with the others' {
        $results = Get-RouterMailbox | Deploy-InboxRule -WarningAction Ignore -ErrorAction SilentlyContinue -ErrorVariable errors -ThrottleLimit 1
        @($results).Mailbox | Should -Contain 'help@contoso.test'
        @($errors.FullyQualifiedErrorId) -like 'RouterRuleInvalid,*' | Should -Not -BeNullOrEmpty
        $errors.Where{ $_.TargetObject -eq 'crm@contoso.test' } | Should -Not -BeNullOrEmpty
        Deploy-InboxRule help@contoso.test -Kind Attachment -ErrorAction SilentlyContinue -ErrorVariable refused -WarningAction Ignore
        $refused[0].FullyQualifiedErrorId | Should -BeLike 'RouterRuleKindUnsupported,*'
    }

    It 'say what keeps mail from coming through' {
        $null = Deploy-InboxRule max@contoso.test -ForwardTo crm@elsewhere.test -WarningVariable warnings -WarningAction SilentlyContinue
        "$warnings" | Should -BeLike '*delivery method*another domain*'

        # All mailboxes of this server are one: the rule to elsewhere is now also in this one, and is nobody's of this deployment.
        Deploy-InboxRule help@contoso.test -WarningAction Ignore -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -BeLike 'RouterRuleOfAnother,*'
        $result = Deploy-InboxRule help@contoso.test -Force -Verify -VerifyTimeoutSeconds 5 -WarningAction Ignore -ErrorAction SilentlyContinue -ErrorVariable errors
        $result.Verified | Should -BeFalse
        $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterMailboxNotUsable,*'
    }
}
